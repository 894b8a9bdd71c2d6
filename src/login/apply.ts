// Applies a login to the connections of a command.

import type { Config, ConnectionConfig } from '../config/config.ts';
import type { Login } from './login.ts';

/** Returns the connection with the login. A setting of the login replaces that of the address. */
export function connectionWithLogin(connection: ConnectionConfig, login: Login): ConnectionConfig {
  const { tls, isInsecure, mechanism, token } = login;
  return {
    ...connection,
    ...(tls && { tlsFiles: { ...connection.tlsFiles, ...tls } }),
    ...(isInsecure && { insecure: true }),
    ...(mechanism && { mechanism }),
    ...(token && { token }),
  };
}

/** Returns the configuration with the login for each of its connections. */
export function configWithLogin(config: Config, login: Login): Config {
  const vhosts = Object.entries(config.vhosts).map(([name, vhost]) => {
    const connections = vhost.connections.map((one) => connectionWithLogin(one, login));
    return [name, { ...vhost, connections }] as const;
  });
  return { ...config, vhosts: Object.fromEntries(vhosts), login };
}

/** Returns the connection of a vhost that has none in rascal.json: the local broker, with the login of the command. */
export function defaultConnection({ login = {} }: Pick<Config, 'login'>): ConnectionConfig {
  return connectionWithLogin({}, login);
}
