// The SASL mechanisms that a connection can use, and the login with one of them. EXTERNAL uses the name in the
// certificate of the client.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { readTable } from '../../codec/table.ts';
import { Reader } from '../../codec/values.ts';
import { ProtocolError } from '../../protocol-error.ts';
import { refusedLogin } from '../../vhost/refused-login.ts';
import type { User, Users } from '../../vhost/users.ts';
import { type CertificateName, nameIn } from './certificate-name.ts';

export type { CertificateName };

/** Settings of the broker for logins. */
export interface LoginRules {
  /** The part of a client certificate that is the name of the user. `undefined` if the broker requests no certificate. */
  readonly certificateName: CertificateName | undefined;
  /** `true` if PLAIN and AMQPLAIN, which send a password, are offered to TLS connections only. */
  readonly passwordsNeedTls: boolean;
}

const passwordMechanisms = ['PLAIN', 'AMQPLAIN'];

/** Returns all mechanisms that the broker supports, for the management API. */
export function mechanismsOf({ certificateName }: LoginRules): string[] {
  return certificateName === undefined ? passwordMechanisms : [...passwordMechanisms, 'EXTERNAL'];
}

/** The login of one connection. */
export class Sasl {
  readonly #socket: Socket;
  readonly #rules: LoginRules;
  readonly #users: Users;

  constructor(socket: Socket, { rules, users }: { rules: LoginRules; users: Users }) {
    this.#socket = socket;
    this.#rules = rules;
    this.#users = users;
  }

  /** The mechanisms that connection.start offers. RabbitMQ also offers EXTERNAL to a TLS client without a certificate. */
  get offered(): string[] {
    const { certificateName, passwordsNeedTls } = this.#rules;
    const hasTls = isTls(this.#socket);
    return [
      ...(hasTls || !passwordsNeedTls ? passwordMechanisms : []),
      ...(hasTls && certificateName !== undefined ? ['EXTERNAL'] : []),
    ];
  }

  /** `true` if the mechanism would send a password without TLS, which the broker does not accept. */
  needsTls(mechanism: string): boolean {
    return passwordMechanisms.includes(mechanism) && !this.offered.includes(mechanism);
  }

  /**
   * Returns the user that has logged in, or the log line if the login is refused. Throws 502 if the response is not one of
   * the mechanism.
   */
  userOf(mechanism: string, response: Buffer): User | string {
    const peer = this.#socket.remoteAddress;
    const refused = (name: string | undefined) => refusedLogin({ name, how: mechanism, peer });
    if (mechanism === 'EXTERNAL') {
      const { certificateName } = this.#rules;
      const subject = subjectOf(this.#socket);
      const name = certificateName && nameIn(subject, certificateName);
      return (name === undefined ? undefined : this.#users.identified(name, peer)) ?? refused(name ?? subject);
    }
    const { name, password } = mechanism === 'PLAIN' ? plain(response) : amqplain(response);
    return this.#users.authenticate(name, password, peer) ?? refused(name);
  }
}

function isTls(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket;
}

/** Returns the subject of a certificate that the authority of the broker has signed. */
function subjectOf(socket: Socket): string | undefined {
  return isTls(socket) && socket.authorized ? socket.getPeerX509Certificate()?.subject : undefined;
}

/** Parses the response of PLAIN (RFC 4616). RabbitMQ: the authorisation id must be empty. */
function plain(response: Buffer): { name: string; password: string } {
  const [id, name, password, ...rest] = response.toString('utf8').split('\0');
  if (id !== '' || name === undefined || password === undefined || rest.length > 0)
    throw new ProtocolError('SYNTAX_ERROR', 'the response of PLAIN is invalid', 'connection');
  return { name, password };
}

/** Parses the response of AMQPLAIN: a field table with LOGIN and PASSWORD, without its length. */
function amqplain(response: Buffer): { name: string; password: string } {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(response.length);
  const table = readTable(new Reader(Buffer.concat([length, response])));
  const text = (key: string) => (typeof table[key] === 'string' ? table[key] : '');
  return { name: text('LOGIN'), password: text('PASSWORD') };
}
