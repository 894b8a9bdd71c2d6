// The beginning of a connection: protocol header, start, tune, open (AMQP 0-9-1, 2.2.4), and who logs in.

import type { Arguments } from '../codec/arguments.ts';
import type { Method, MethodFields } from '../codec/methods.ts';
import { readTable, type Table } from '../codec/table.ts';
import { Reader } from '../codec/values.ts';
import { ProtocolError } from '../protocol-error.ts';
import { rabbitmqVersion } from '../rabbitmq-version.ts';
import type { User, Users } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';

export const protocolHeader = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
/** RabbitMQ accepts the header of AMQP 0-9 as well, and then speaks 0-9-1. */
export const acceptedHeaders: readonly Buffer[] = [protocolHeader, Buffer.from('AMQP\x01\x01\0\x09', 'latin1')];
/** RabbitMQ 4.1 and later. AMQP 0-9-1, 1.1: frame-min-size is 4096. */
const smallestFrame = 8192;

export interface Limits {
  readonly channelMax: number;
  readonly frameMax: number;
  /** Seconds; 0: none. */
  readonly heartbeat: number;
}

/** Clients decide by product and version what they may ask (.github/docs/decisions/0010). */
export function serverProperties({ version, clusterName }: { version: string; clusterName: string }): Table {
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
    information: `The embedded broker of mq, which does as RabbitMQ ${rabbitmqVersion} does; https://www.rabbitmq.com is the engine beyond development and tests`,
    cluster_name: clusterName,
  };
}

export const mechanisms = 'PLAIN AMQPLAIN';

export interface HandshakeParts {
  readonly users: Users;
  readonly vhosts: ReadonlyMap<string, VirtualHost>;
  readonly offered: Limits;
  /** IP address of the client. */
  readonly peer: string | undefined;
}

export class Handshake {
  readonly #users: Users;
  readonly #vhosts: ReadonlyMap<string, VirtualHost>;
  readonly #offered: Limits;
  /** IP address. */
  readonly #peer: string | undefined;
  #awaits: 'start-ok' | 'tune-ok' | 'open' = 'start-ok';
  user: User | undefined;
  clientProperties: Arguments | undefined;
  mechanism = '';
  limits: Limits;

  constructor({ users, vhosts, offered, peer }: HandshakeParts) {
    this.#users = users;
    this.#vhosts = vhosts;
    this.#offered = offered;
    this.#peer = peer;
    this.limits = offered;
  }

  /** The virtual host, when the client has come as far as that. `send` answers what comes before. */
  take(method: Method, send: (answer: 'tune' | 'tuned') => void): VirtualHost | undefined {
    if (method.name === 'connection.start-ok' && this.#awaits === 'start-ok') {
      this.#start(method.fields);
      this.#awaits = 'tune-ok';
      send('tune');
    } else if (method.name === 'connection.tune-ok' && this.#awaits === 'tune-ok') {
      this.#tune(method.fields);
      this.#awaits = 'open';
      send('tuned');
    } else if (method.name === 'connection.open' && this.#awaits === 'open') return this.#open(method.fields);
    else throw new ProtocolError('CHANNEL_ERROR', `unexpected method in connection state ${this.#state}`);
    return undefined;
  }

  /** RabbitMQ's names. */
  get #state(): string {
    return { 'start-ok': 'starting', 'tune-ok': 'tuning', open: 'opening' }[this.#awaits];
  }

  #start({ clientProperties, mechanism, response }: MethodFields<'connection.start-ok'>): void {
    this.clientProperties = clientProperties;
    this.mechanism = mechanism;
    if (!mechanisms.split(' ').includes(mechanism)) {
      throw new ProtocolError(
        'COMMAND_INVALID',
        `unknown authentication mechanism '${mechanism}' (this broker knows ${mechanisms})`,
      );
    }
    const { name, password } = mechanism === 'PLAIN' ? plain(response) : amqplain(response);
    this.user = this.#users.authenticate(name, password, this.#peer);
    if (this.user !== undefined) return;
    const refused = new ProtocolError(
      'ACCESS_REFUSED',
      `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
      'connection',
    );
    // RabbitMQ names no method here.
    refused.methodKey = 0;
    throw refused;
  }

  #tune({ channelMax, frameMax, heartbeat }: MethodFields<'connection.tune-ok'>): void {
    const offered = this.#offered;
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
    const vhost = this.#vhosts.get(virtualHost);
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

/** RFC 4616 */
function plain(response: Buffer): { name: string; password: string } {
  const [, name = '', password = ''] = response.toString('utf8').split('\0');
  return { name, password };
}

/** RabbitMQ: a field table with LOGIN and PASSWORD, without its length. */
function amqplain(response: Buffer): { name: string; password: string } {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(response.length);
  const table = readTable(new Reader(Buffer.concat([length, response])));
  const text = (key: string) => (typeof table[key] === 'string' ? table[key] : '');
  return { name: text('LOGIN'), password: text('PASSWORD') };
}
