// Chooses how a connection logs in: by user and password, by a token, or by its client certificate.

import type { ConnectionConfig } from '../config/config.ts';
import { endpointOf } from '../config/endpoint.ts';
import { MqError } from '../errors.ts';
import type { TokenSource } from './login.ts';

export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** RabbitMQ ignores the user. */
  | { readonly kind: 'token'; readonly user: string; readonly source: TokenSource }
  | { readonly kind: 'certificate' };

/**
 * Returns the credentials of a connection. A user without a password does not exclude a token, because RabbitMQ ignores
 * the user then.
 * @throws MqError USAGE if the connection names two logins, or names EXTERNAL without TLS or a client certificate
 */
export function credentialsOf(connection: ConnectionConfig): Credentials {
  const { user, password = user === undefined ? 'guest' : '', mechanism, token } = connection;
  if (mechanism === 'external') {
    assertCertificateLogin(connection);
    return { kind: 'certificate' };
  }
  if (token === undefined) return { kind: 'password', user: user ?? 'guest', password };
  // The token of one broker must not reach another one, for example if MQ_TOKEN is set and --url names the local broker.
  if (user !== undefined && password !== '')
    throw new MqError('USAGE', `the address of ${endpointOf(connection)} has a password, and ${token.from} is set`, {
      hint: `remove the user and the password from the address to use the token, or unset ${token.from}`,
    });
  return { kind: 'token', user: user ?? '', source: token };
}

function assertCertificateLogin(connection: ConnectionConfig): void {
  const { protocol, tlsFiles = {}, socketOptions = {}, token } = connection;
  const at = `the address of ${endpointOf(connection)} has auth_mechanism=external`;
  if (token !== undefined)
    throw new MqError('USAGE', `${at}, and ${token.from} is set`, {
      hint: `remove auth_mechanism to use the token, or unset ${token.from}`,
    });
  if (protocol !== 'amqps')
    throw new MqError('USAGE', `${at}, but it does not use TLS`, { hint: 'write amqps:// instead of amqp://' });
  if (tlsFiles.cert === undefined && socketOptions['cert'] === undefined && socketOptions['pfx'] === undefined)
    throw new MqError('USAGE', `${at}, but there is no client certificate`, {
      hint: 'name it and its key: --cert FILE --key FILE, MQ_CERT and MQ_KEY, or ?certfile=FILE&keyfile=FILE',
    });
}
