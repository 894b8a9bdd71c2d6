// The handshake of a connection (AMQP 0-9-1, 2.2.4): the login, the limits of the connection, and its virtual host.

import type { Socket } from 'node:net';
import type { Arguments } from '../codec/arguments.ts';
import type { Method, MethodFields } from '../codec/methods.ts';
import type { Table } from '../codec/table.ts';
import { ProtocolError } from '../protocol-error.ts';
import { rabbitmqVersion } from '../rabbitmq-version.ts';
import type { User } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { BrokerState, Limits } from './broker-state.ts';
import { Sasl } from './login/sasl.ts';
import type { Output } from './socket/output.ts';

export type { CertificateName, LoginRules } from './login/sasl.ts';
export { mechanismsOf } from './login/sasl.ts';

/** The smallest frame_max that RabbitMQ 4.1 and later accept. The frame-min-size of AMQP 0-9-1 (1.1) is 4096. */
const smallestFrame = 8192;

/** Clients decide by product and version which features they use (.github/docs/decisions/0010). */
function serverProperties({ version, clusterName }: BrokerState): Table {
  return {
    capabilities: {
      publisher_confirms: true,
      exchange_exchange_bindings: true,
      'basic.nack': true,
      consumer_cancel_notify: true,
      'connection.blocked': true,
      consumer_priorities: true,
      authentication_failure_close: true,
      per_consumer_qos: true,
      direct_reply_to: true,
    },
    product: 'RabbitMQ',
    version: rabbitmqVersion,
    platform: `mq ${version}`,
    information: `The embedded broker of mq, which behaves like RabbitMQ ${rabbitmqVersion}. For production use https://www.rabbitmq.com`,
    cluster_name: clusterName,
  };
}

interface HandshakeParts {
  readonly broker: BrokerState;
  readonly output: Output;
  readonly socket: Socket;
  /** Called when the client has chosen its limits. */
  readonly onTuned: (limits: Limits) => void;
}

export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #sasl: Sasl;
  #awaits: 'start-ok' | 'tune-ok' | 'open' = 'start-ok';
  /** `undefined` before the login. */
  user: User | undefined;
  clientProperties: Arguments | undefined;
  mechanism = '';
  /** The limits that the broker offers. After tune-ok, the limits that the client has chosen. */
  limits: Limits;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.#sasl = new Sasl(parts.socket, { rules: parts.broker.login, users: parts.broker.users });
    this.limits = parts.broker.limits;
  }

  /** Sends connection.start. */
  begin(): void {
    this.#parts.output.method(0, 'connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: serverProperties(this.#parts.broker),
      mechanisms: this.#sasl.offered.join(' '),
      locales: 'en_US',
    });
  }

  /** Answers a method of the client. Returns the virtual host after connection.open, the last method. */
  receive(method: Method): VirtualHost | undefined {
    if (method.name === 'connection.start-ok' && this.#awaits === 'start-ok') {
      this.#start(method.fields);
      this.#awaits = 'tune-ok';
      const { channelMax, frameMax, heartbeat } = this.limits;
      this.#parts.output.method(0, 'connection.tune', { channelMax, frameMax, heartbeat });
    } else if (method.name === 'connection.tune-ok' && this.#awaits === 'tune-ok') {
      this.#tune(method.fields);
      this.#awaits = 'open';
      this.#parts.onTuned(this.limits);
    } else if (method.name === 'connection.open' && this.#awaits === 'open') return this.#open(method.fields);
    else throw new ProtocolError('CHANNEL_ERROR', `unexpected method in connection state ${this.#state}`);
    return undefined;
  }

  /** Throws 530 if the new secret of the client is refused. */
  updateSecret({ newSecret }: MethodFields<'connection.update-secret'>): void {
    if (this.user === undefined || this.#parts.broker.users.acceptsSecret(this.user.name, newSecret)) return;
    throw new ProtocolError('NOT_ALLOWED', 'New secret was refused by one of the backends', 'connection');
  }

  /** The name of the state in RabbitMQ's error text. */
  get #state(): string {
    return { 'start-ok': 'starting', 'tune-ok': 'tuning', open: 'opening' }[this.#awaits];
  }

  #start({ clientProperties, mechanism, response }: MethodFields<'connection.start-ok'>): void {
    this.clientProperties = clientProperties;
    this.mechanism = mechanism;
    const offered = this.#sasl.offered;
    if (this.#sasl.needsTls(mechanism)) {
      throw new ProtocolError(
        'ACCESS_REFUSED',
        `${mechanism} sends a password, which this broker accepts over TLS only`,
      );
    }
    if (!offered.includes(mechanism)) {
      throw new ProtocolError(
        'COMMAND_INVALID',
        `unknown authentication mechanism '${mechanism}' (this broker supports ${offered.join(' ')})`,
      );
    }
    const found = this.#sasl.userOf(mechanism, response);
    if (typeof found !== 'string') {
      this.user = found;
      return;
    }
    this.#parts.broker.log(found);
    const refused = new ProtocolError(
      'ACCESS_REFUSED',
      `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
      'connection',
    );
    // RabbitMQ sends no class id and no method id here.
    refused.methodKey = 0;
    throw refused;
  }

  #tune({ channelMax, frameMax, heartbeat }: MethodFields<'connection.tune-ok'>): void {
    const offered = this.#parts.broker.limits;
    for (const [name, asked, most, least] of [
      ['channel_max', channelMax, offered.channelMax, 0],
      ['frame_max', frameMax, offered.frameMax, smallestFrame],
    ] as const) {
      if (asked !== 0 && asked < least) {
        throw new ProtocolError(
          'NOT_ALLOWED',
          `negotiated ${name} = ${asked} is lower than the minimum allowed value (${least})`,
        );
      }
      if (most !== 0 && (asked === 0 || asked > most)) {
        throw new ProtocolError(
          'NOT_ALLOWED',
          `negotiated ${name} = ${asked} is higher than the maximum allowed value (${most})`,
        );
      }
    }
    this.limits = { channelMax, frameMax, heartbeat };
  }

  #open({ virtualHost }: MethodFields<'connection.open'>): VirtualHost {
    const vhost = this.#parts.broker.vhosts.get(virtualHost);
    if (vhost === undefined) throw new ProtocolError('NOT_ALLOWED', `vhost ${virtualHost} not found`);
    if (this.user?.permissions.has(virtualHost) !== true) {
      const name = this.user?.name ?? '';
      throw new ProtocolError('NOT_ALLOWED', `access to vhost '${virtualHost}' refused for user '${name}'`);
    }
    const limit = vhost.metadata.limits['max-connections'] ?? -1;
    if (limit >= 0 && vhost.connectionCount >= limit) {
      const why = `connection limit (${limit}) is reached`;
      throw new ProtocolError(
        'NOT_ALLOWED',
        `access to vhost '${virtualHost}' refused for user '${this.user.name}': ${why}`,
      );
    }
    return vhost;
  }
}
