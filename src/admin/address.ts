// Finds the management API of a broker, and parses its addresses with their user and password.

import type { ConnectionConfig } from '../config/config.ts';
import { endpointOf, hostOf, portOf, standardPort } from '../config/endpoint.ts';
import { isObject } from '../config/plain.ts';
import { MqError } from '../errors.ts';
import { defaultConnection } from '../login/apply.ts';
import { type Credentials, credentialsOf } from '../login/credentials.ts';
import type { Login, TlsFiles } from '../login/login.ts';

/** Address of one node's API. */
export interface ManagementAddress {
  /** Displayed address without user and password: `http://host:15672`. */
  readonly origin: string;
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Path before `/api` (RabbitMQ: management.path_prefix), without a slash at the end. */
  readonly prefix: string;
  /** A certificate is presented in the TLS handshake only; the API gets no user then. */
  readonly credentials: Credentials;
  readonly tls: ApiTls;
}

/** TLS settings of an address: the names of the files, and whether the certificate of the API is not verified. */
export interface ApiTls {
  readonly files: TlsFiles;
  readonly isInsecure: boolean;
}

/** RabbitMQ's standard ports of the management API. */
const managementPorts = { http: 15672, https: 15671 } as const;

/** Credentials and TLS settings of an address without a user. */
type ApiLogin = Pick<ManagementAddress, 'credentials' | 'tls'>;

/**
 * Parses a comma-separated list of addresses: `http://user:password@host:15672`. A user in an address overrides that of
 * `login`, the AMQP address of the broker. Throws USAGE with `at`. The message contains no part of an address, because any part may be a password.
 */
export function parseManagement(
  list: string,
  { at, login }: { at: string; login: ConnectionConfig },
): ManagementAddress[] {
  const texts = list.split(',').map((text) => text.trim());
  return texts.map((text, index) => {
    const which = texts.length === 1 ? at : `${at}: address ${index + 1}`;
    const wrong = (what: string) =>
      new MqError('USAGE', `${which}: ${what}`, { at, hint: 'write an address as http://user:password@host:15672' });
    const scheme = /^(https?):\/\//i.exec(text)?.[1]?.toLowerCase();
    if (scheme === undefined) throw wrong('not a URL: it does not begin with http:// or https://');
    const url = URL.parse(text);
    if (url === null) throw wrong('not a URL');
    if (/[?#]/.test(text)) throw wrong('the URL must not contain ? or #');
    const [user, password] = [decoded(url.username), decoded(url.password)];
    if (user === undefined || password === undefined)
      throw wrong('a % is not followed by two hexadecimal digits of UTF-8; write a literal % as %25');
    const { hostname, port, pathname } = url;
    const isSecure = scheme === 'https';
    const own = apiLogin(user === '' ? login : { ...loginless(login), user, password });
    return {
      ...addressOf({ isSecure, hostname, port: Number(port) || (isSecure ? 443 : 80) }, own),
      // The address may include `/api`, as in a browser.
      prefix: pathname.replace(/(?<!\/)\/+$/, '').replace(/\/api$/, ''),
    };
  });
}

/** Sources of the address of the management API, in the order of precedence. */
export interface ManagementSources {
  /** Value of `--management-url`. */
  readonly option: string | undefined;
  /** Value of `MQ_MANAGEMENT_URL`. */
  readonly variable: string | undefined;
  /** AMQP addresses from the command line or from rascal.json. Those from rascal.json may contain `management`. */
  readonly connections: readonly ConnectionConfig[];
  /** Login of the command, for an API without an AMQP address. */
  readonly login?: Login;
}

export interface LocatedManagement {
  /** One address for each node. */
  readonly addresses: readonly ManagementAddress[];
  /** `false` if the addresses are derived from the AMQP addresses. */
  readonly isNamed: boolean;
}

/**
 * Finds the management API of a broker, for every command that uses one. Uses the first of these that is set:
 *
 * 1. `--management-url`
 * 2. `MQ_MANAGEMENT_URL`
 * 3. `management` of the connections in rascal.json
 * 4. port 15672 on the host of AMQP port 5672, or port 15671 on the host of AMQPS port 5671
 *
 * An address without a user gets the login of the AMQP address. This function opens no connection, so it does not prove
 * that the API belongs to the broker (proof.ts does). Throws USAGE for an invalid address, and CONFIG if no API is
 * named and the AMQP port is not a standard one.
 */
export function locateManagement({ option, variable, connections, login = {} }: ManagementSources): LocatedManagement {
  const [first = defaultConnection({ login })] = connections;
  if (option !== undefined) return named(option, '--management-url', first);
  if (variable !== undefined) return named(variable, 'MQ_MANAGEMENT_URL', first);
  const inFile = connections.flatMap(namedIn);
  if (inFile.length > 0) return { addresses: inFile, isNamed: true };
  return { addresses: connections.map(derivedFrom), isNamed: false };
}

function named(list: string, at: string, first: ConnectionConfig): LocatedManagement {
  return { addresses: parseManagement(list, { at, login: first }), isNamed: true };
}

/** Returns the addresses in Rascal's field `management` of a connection, which is a URL or an object with a `url`. */
function namedIn(connection: ConnectionConfig): ManagementAddress[] {
  const { management } = connection;
  const url = isObject(management) ? management['url'] : management;
  if (typeof url !== 'string') return [];
  return parseManagement(url, { at: 'management in rascal.json', login: connection });
}

/**
 * Returns the API on the standard port of the same host. Throws CONFIG if the AMQP port is not a standard one, because
 * port 15672 may then belong to any broker.
 */
function derivedFrom(connection: ConnectionConfig): ManagementAddress {
  const { protocol, hostname = 'localhost' } = connection;
  const isSecure = protocol === 'amqps';
  if (portOf(connection) === standardPort(connection)) {
    const port = managementPorts[isSecure ? 'https' : 'http'];
    return addressOf({ isSecure, hostname, port }, apiLogin(connection));
  }
  throw new MqError('CONFIG', `the management API of the broker at ${endpointOf(connection)} is not known`, {
    hint: `name it: --management-url http://user:password@${hostOf(connection)}:port, or MQ_MANAGEMENT_URL; mq derives it only from the AMQP ports 5672 and 5671`,
  });
}

/** Returns the connection without its login. An address with a user has its own login. */
function loginless({ mechanism: _, token: __, ...rest }: ConnectionConfig): ConnectionConfig {
  return rest;
}

function apiLogin(connection: ConnectionConfig): ApiLogin {
  const { tlsFiles: files = {}, insecure: isInsecure = false } = connection;
  return { credentials: credentialsOf(connection), tls: { files, isInsecure } };
}

/** Builds an address from its parts. An IPv6 address may have brackets. */
function addressOf(
  { isSecure, hostname, port }: { isSecure: boolean; hostname: string; port: number },
  login: ApiLogin,
): ManagementAddress {
  const host = hostname.replace(/^\[|\]$/g, '');
  const shown = host.includes(':') ? `[${host}]` : host;
  const origin = `${isSecure ? 'https' : 'http'}://${shown}:${port}`;
  return { origin, isSecure, hostname: host, port, prefix: '', ...login };
}

/** Returns the address as a URL, with user and password if they are the login. */
export function urlOf({ origin, prefix, credentials }: ManagementAddress): string {
  const { user, password } = credentials.kind === 'password' ? credentials : { user: '', password: '' };
  return Object.assign(new URL(`${origin}${prefix}`), {
    username: encodeURIComponent(user),
    password: encodeURIComponent(password),
  }).href;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
