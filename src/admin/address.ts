// Parses the addresses of the management API, with their user and password.

import type { ConnectionConfig } from '../config/config.ts';
import { endpointOf, hostOf, portOf, standardPort } from '../config/endpoint.ts';
import { MqError } from '../errors.ts';

/** Address of one node's API. */
export interface ManagementAddress {
  /** Displayed address without user and password: `http://host:15672`. */
  readonly origin: string;
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Path before `/api` (RabbitMQ: management.path_prefix), without a slash at the end. */
  readonly prefix: string;
  readonly user: string;
  readonly password: string;
}

/** RabbitMQ's standard ports of the management API. */
const managementPorts = { http: 15672, https: 15671 } as const;

export interface Login {
  readonly user: string;
  readonly password: string;
}

/**
 * Parses a comma-separated list of addresses: `http://user:password@host:15672`. A user in an address overrides
 * `login`. Throws USAGE with `at`. The message contains no part of an address, because any part may be a password.
 */
export function parseManagement(list: string, { at, login }: { at: string; login: Login }): ManagementAddress[] {
  const texts = list.split(',').map((text) => text.trim());
  return texts.map((text, index) => {
    const which = texts.length === 1 ? at : `${at}: address ${index + 1}`;
    const wrong = (what: string) =>
      new MqError('USAGE', `${which}: ${what}`, { at, hint: 'an address is written http://user:password@host:15672' });
    const scheme = /^(https?):\/\//i.exec(text)?.[1]?.toLowerCase();
    if (scheme === undefined) throw wrong('not a URL: it does not begin with http:// or https://');
    const url = URL.parse(text);
    if (url === null) throw wrong('not a URL');
    if (/[?#]/.test(text)) throw wrong('a URL of a server is wanted, without ? and #');
    const [user, password] = [decoded(url.username), decoded(url.password)];
    if (user === undefined || password === undefined)
      throw wrong('a % is not followed by two hexadecimal digits of UTF-8 (a literal % is written %25)');
    const { hostname, port, pathname } = url;
    const isSecure = scheme === 'https';
    return {
      ...addressOf({ isSecure, hostname, port: Number(port) || (isSecure ? 443 : 80) }, login),
      ...(user !== '' && { user, password }),
      // The address may include `/api`, as in a browser.
      prefix: pathname.replace(/(?<!\/)\/+$/, '').replace(/\/api$/, ''),
    };
  });
}

/** Returns the addresses in `management` of a connection in rascal.json: a URL, or an object with one. */
export function namedIn({ management }: ConnectionConfig, login: Login): ManagementAddress[] {
  const url =
    typeof management === 'object' && management !== null ? (management as { url?: unknown }).url : management;
  return typeof url === 'string' ? parseManagement(url, { at: 'management in rascal.json', login }) : [];
}

/**
 * Returns the API on the standard port of the same host, if the AMQP port is a standard one. Throws CONFIG for another
 * port, because port 15672 may then belong to any broker.
 */
export function derivedFrom(connection: ConnectionConfig, login: Login): ManagementAddress {
  const { protocol, hostname = 'localhost' } = connection;
  const isSecure = protocol === 'amqps';
  if (portOf(connection) === standardPort(connection))
    return addressOf({ isSecure, hostname, port: managementPorts[isSecure ? 'https' : 'http'] }, login);
  throw new MqError('CONFIG', `the management API of the broker at ${endpointOf(connection)} is not known`, {
    hint: `name it: --management-url http://user:password@${hostOf(connection)}:port, or MQ_MANAGEMENT_URL; it is derived only from the AMQP ports 5672 and 5671`,
  });
}

/** Builds an address from its parts. An IPv6 address may have brackets. */
export function addressOf(
  { isSecure, hostname, port }: { isSecure: boolean; hostname: string; port: number },
  { user, password }: Login,
): ManagementAddress {
  const host = hostname.replace(/^\[|\]$/g, '');
  const shown = host.includes(':') ? `[${host}]` : host;
  const origin = `${isSecure ? 'https' : 'http'}://${shown}:${port}`;
  return { origin, isSecure, hostname: host, port, prefix: '', user, password };
}

/** Returns the address as a URL with user and password. */
export function urlOf({ origin, prefix, user, password }: ManagementAddress): string {
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
