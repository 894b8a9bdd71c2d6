// One connection as Rascal takes it: attributes that Rascal writes into a URL and amqplib reads back out of it.

import type { ConnectionConfig } from './config.ts';
import { portOf } from './endpoint.ts';
import { objectOf } from './plain.ts';
import { withoutWeakTls } from './socket-options.ts';

interface ConnectionNeeds {
  /** The vhost's key: its name, unless the connection says another. */
  readonly vhost: string;
  readonly connectionName: string;
  readonly heartbeatSeconds: number;
}

/** Every attribute is explicit, since Rascal's defaults are wrong for TLS and for URLs without a path. */
export function rascalConnection(connection: ConnectionConfig, needs: ConnectionNeeds): Record<string, unknown> {
  const { protocol = 'amqp', hostname = 'localhost', user = 'guest', options = {}, tlsFiles } = connection;
  const socketOptions = withoutWeakTls(connection.socketOptions ?? {});
  const password = connection.password ?? (connection.user === undefined ? 'guest' : '');
  const vhost = connection.vhost ?? needs.vhost;
  const timeout = options['connection_timeout'];
  const byUrl = survivesUrl(user, password);
  return {
    protocol,
    hostname,
    port: portOf(connection),
    user,
    password: byUrl ? password : '***',
    // Rascal writes it into the URL as it is, and nothing for '/'.
    vhost: vhost === '/' ? '/' : encodeURIComponent(vhost),
    options: { heartbeat: needs.heartbeatSeconds, ...options },
    socketOptions: {
      // amqplib leaves Nagle's algorithm on: 44 ms for each answer.
      noDelay: true,
      timeout: timeout === undefined ? 10_000 : Number(timeout),
      ...(byUrl ? {} : { credentials: plain(user, password) }),
      // session/tls-files.ts puts their content in their place.
      ...(tlsFiles && { tlsFiles }),
      ...socketOptions,
      // Explicit, because Node reads NODE_TLS_REJECT_UNAUTHORIZED if it is absent.
      rejectUnauthorized: connection.insecure !== true,
      clientProperties: { connection_name: needs.connectionName, ...objectOf(socketOptions['clientProperties']) },
    },
  };
}

// amqplib reads the user and password with `unescape`, which takes UTF-8 for Latin-1. Rascal cannot tell a colon in the
// user from the one behind it, leaves an empty password out, and shows what stands before a colon in the password.
function survivesUrl(user: string, password: string): boolean {
  return [user, password].every((part) => /^[\x20-\x7e]+$/.test(part) && !part.includes(':'));
}

// The form of amqplib's `credentials.plain`. RFC 4616: an empty authorisation id, the user, the password.
function plain(username: string, password: string) {
  return { mechanism: 'PLAIN', response: () => Buffer.from(`\0${username}\0${password}`), username, password };
}
