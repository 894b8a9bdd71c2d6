// Converts one connection to the attributes that Rascal expects. Rascal writes them into a URL, and amqplib parses that
// URL.

import type { ConnectionConfig } from './config.ts';
import { portOf } from './endpoint.ts';
import { objectOf } from './plain.ts';
import { withoutWeakTls } from './rules/socket-options.ts';

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
  const { protocol = 'amqp', hostname = 'localhost', user = 'guest', options = {}, tlsFiles } = connection;
  const socketOptions = withoutWeakTls(connection.socketOptions ?? {});
  const password = connection.password ?? (connection.user === undefined ? 'guest' : '');
  const vhost = connection.vhost ?? needs.vhost;
  const timeout = options['connection_timeout'];
  const isInUrl = isUrlSafe(user, password);
  return {
    protocol,
    hostname,
    port: portOf(connection),
    user,
    password: isInUrl ? password : '***',
    // Rascal copies the vhost into the URL without encoding it, and writes nothing for '/'.
    vhost: vhost === '/' ? '/' : encodeURIComponent(vhost),
    options: { heartbeat: needs.heartbeatSeconds, ...options },
    socketOptions: {
      // amqplib does not turn off Nagle's algorithm, which delays each answer by 44 ms.
      noDelay: true,
      timeout: timeout === undefined ? 10_000 : Number(timeout),
      ...(isInUrl ? {} : { credentials: plain(user, password) }),
      // session/connecting/tls-files.ts replaces these names with the content of the files.
      ...(tlsFiles && { tlsFiles }),
      ...socketOptions,
      // The option is always set, because Node reads NODE_TLS_REJECT_UNAUTHORIZED if the option is absent.
      rejectUnauthorized: connection.insecure !== true,
      clientProperties: { connection_name: needs.connectionName, ...objectOf(socketOptions['clientProperties']) },
    },
  };
}

// Reports whether user and password are still the same after Rascal writes them into a URL and amqplib parses it.
// amqplib decodes them with `unescape`, which reads UTF-8 as Latin-1. Rascal confuses a colon in the user with the
// separator, omits an empty password, and logs the part of a password before a colon.
function isUrlSafe(user: string, password: string): boolean {
  return [user, password].every((part) => /^[\x20-\x7e]+$/.test(part) && !part.includes(':'));
}

// Returns the same object as amqplib's `credentials.plain`. RFC 4616: the message is an empty authorisation id, the
// user and the password, separated by NUL bytes.
function plain(username: string, password: string) {
  return { mechanism: 'PLAIN', response: () => Buffer.from(`\0${username}\0${password}`), username, password };
}
