// Converts one connection to the attributes that Rascal expects. Rascal writes them into a URL, and amqplib parses that
// URL.

import { type Credentials, credentialsOf } from '../login/credentials.ts';
import { external, plain } from '../login/sasl.ts';
import type { ConnectionConfig } from './config.ts';
import { portOf } from './endpoint.ts';
import { objectOf } from './plain.ts';
import { allowedSocketOptions } from './rules/socket-options.ts';

interface ConnectionNeeds {
  /** Key of the vhost in rascal.json. It is also the vhost's name if the connection sets no name. */
  readonly vhost: string;
  readonly connectionName: string;
  readonly heartbeatSeconds: number;
}

/**
 * Returns the attributes of a connection. Every attribute is set, because Rascal's defaults are wrong for TLS and for
 * URLs without a path.
 */
export function rascalConnection(connection: ConnectionConfig, needs: ConnectionNeeds): Record<string, unknown> {
  const { protocol = 'amqp', hostname = 'localhost', options = {}, tlsFiles } = connection;
  const socketOptions = allowedSocketOptions(connection.socketOptions ?? {});
  const vhost = connection.vhost ?? needs.vhost;
  const timeout = options['connection_timeout'];
  const login = loginOf(credentialsOf(connection));
  return {
    protocol,
    hostname,
    port: portOf(connection),
    user: login.user,
    password: login.password,
    // Rascal copies the vhost into the URL without encoding it, and writes nothing for '/'.
    vhost: vhost === '/' ? '/' : encodeURIComponent(vhost),
    options: { heartbeat: needs.heartbeatSeconds, ...options },
    socketOptions: {
      // amqplib does not turn off Nagle's algorithm, which delays each answer by 44 ms.
      noDelay: true,
      timeout: timeout === undefined ? 10_000 : Number(timeout),
      ...login.socketOptions,
      // login/socket-login.ts replaces these names with the content of the files when it connects.
      ...(tlsFiles && { tlsFiles }),
      ...socketOptions,
      // The option is always set, because Node reads NODE_TLS_REJECT_UNAUTHORIZED if the option is absent.
      rejectUnauthorized: connection.insecure !== true,
      clientProperties: { connection_name: needs.connectionName, ...objectOf(socketOptions['clientProperties']) },
    },
  };
}

/** Returns the user and password for the URL, and what the URL cannot express. */
function loginOf(credentials: Credentials) {
  const hidden = { user: 'guest', password: '***' };
  if (credentials.kind === 'token') {
    // login/socket-login.ts replaces the source with a token when it connects.
    return { ...hidden, socketOptions: { token: { user: credentials.user, source: credentials.source } } };
  }
  if (credentials.kind === 'certificate') return { ...hidden, socketOptions: { credentials: external() } };
  const { user, password } = credentials;
  return isUrlSafe(user, password)
    ? { user, password, socketOptions: {} }
    : { user, password: '***', socketOptions: { credentials: plain(user, password) } };
}

// Reports whether user and password are still the same after Rascal writes them into a URL and amqplib parses it.
// amqplib decodes them with `unescape`, which reads UTF-8 as Latin-1. Rascal confuses a colon in the user with the
// separator, omits an empty password, and logs the part of a password before a colon.
function isUrlSafe(user: string, password: string): boolean {
  return [user, password].every((part) => /^[\x20-\x7e]+$/.test(part) && !part.includes(':'));
}
