// Parses broker addresses such as amqp://user:password@host:port/vhost?heartbeat=10. Error messages show only the
// scheme and the parameter names of an address, because the password can be anywhere in a malformed one.

import { MqError } from '../errors.ts';
import type { Mechanism, TlsFiles } from '../login/login.ts';
import type { ConnectionConfig } from './config.ts';
import { durationMs } from './duration.ts';
import { connectionOptions } from './fields/fields.ts';
import { didYouMean, quote } from './reading/problem.ts';

const example = 'amqp://user:password@host:port/vhost';

/**
 * Parses a comma-separated list of addresses.
 * @param at the option or variable that contains the list, for the message: `--url`, `MQ_URL`
 * @throws MqError with the given code at the first invalid address; the message never contains a password
 */
export function parseAddresses(
  list: string,
  { at, code }: { at: string; code: 'USAGE' | 'CONFIG' },
): ConnectionConfig[] {
  const addresses = list.split(',').map((address) => address.trim());
  return addresses.map((address, index) => {
    const parsed = parseAddress(address);
    if (typeof parsed !== 'string') return parsed;
    const which = addresses.length === 1 ? '' : `address ${index + 1}: `;
    throw new MqError(code, `${at}: ${which}${parsed}`, { at, hint: `write an address as ${example}` });
  });
}

/** Returns why an address in rascal.json is invalid, or `undefined` if it is valid. */
export function addressFault(address: string): string | undefined {
  const parsed = parseAddress(address);
  return typeof parsed === 'string' ? `${parsed}; write an address as ${example}` : undefined;
}

/** Returns the attributes of an address, or a message if it is invalid. `vhost` is set only if the path names one. */
export function parseAddress(address: string): ConnectionConfig | string {
  const parts = partsOf(address);
  if (typeof parts === 'string') return parts;
  const { scheme, userInfo, host, port, path, query } = parts;
  const colon = userInfo.indexOf(':');
  const [hostname, user, password, vhost] = [
    host.replace(/^\[|\]$/g, ''),
    colon === -1 ? userInfo : userInfo.slice(0, colon),
    colon === -1 ? '' : userInfo.slice(colon + 1),
    path.slice(1),
  ].map(decoded);
  if (hostname === undefined || user === undefined || password === undefined || vhost === undefined) {
    return 'a % is not followed by two hexadecimal digits of UTF-8; write a literal % as %25';
  }
  // A URL parser removes these path segments.
  if (vhost === '.' || vhost === '..') return 'a URL cannot contain this vhost name';
  const parameters = parametersOf(query);
  if (typeof parameters === 'string') return parameters;
  return {
    protocol: scheme,
    hostname,
    ...(port === '' ? {} : { port: Number(port) }),
    ...(userInfo === '' ? {} : { user, password }),
    ...(vhost === '' ? {} : { vhost }),
    ...parameters,
  };
}

/** Parts of an address. They are still percent-encoded. */
interface AddressParts {
  readonly scheme: 'amqp' | 'amqps';
  readonly userInfo: string;
  readonly host: string;
  readonly port: string;
  readonly path: string;
  readonly query: string;
}

function partsOf(address: string): AddressParts | string {
  if (address === '') return 'the address is empty';
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme === undefined) return 'not a URL: it does not begin with amqp:// or amqps://';
  if (scheme !== 'amqp' && scheme !== 'amqps') return `the scheme is ${scheme}, not amqp or amqps`;

  const rest = address.slice(scheme.length + 3);
  const [, authority = '', path = '', query = ''] = /^([^/?#]*)(\/[^?#]*)?(\?[^#]*)?(?:#.*)?$/s.exec(rest) ?? [];
  // If the password contains an unencoded /, ? or #, the authority ends too early and the @ appears later. Such an
  // address is refused, because part of the password would be read as the host.
  if (rest.includes('@', authority.length)) return 'a special character in the user or password is not percent-encoded';
  const userInfoEnd = authority.lastIndexOf('@');
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority.slice(userInfoEnd + 1)) ?? [];
  if (host === '') return 'the host is missing';
  if (host.includes(',')) return 'expected one address, not a list';
  if (port !== '' && !isPort(port)) return 'the port is not a number from 1 to 65535';
  if (!URL.canParse(address)) return 'not a URL';
  return { scheme, userInfo: authority.slice(0, Math.max(userInfoEnd, 0)), host, port, path, query };
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

type Parameters = Pick<ConnectionConfig, 'options' | 'socketOptions' | 'tlsFiles' | 'mechanism'>;

/** Parameters of https://www.rabbitmq.com/docs/uri-query-parameters that have another name in mq. */
const tlsFileParameters: Readonly<Record<string, keyof TlsFiles>> = {
  cacertfile: 'ca',
  certfile: 'cert',
  keyfile: 'key',
};
const optionParameters: Readonly<Record<string, string>> = { channel_max: 'channelMax', frame_max: 'frameMax' };
/** RabbitMQ parameters that mq does not support, each with the reason or an alternative. */
const refusedParameters: Readonly<Record<string, string>> = {
  fail_if_no_peer_cert: 'it applies to servers only',
  depth: 'mq accepts a chain of any length',
  password: 'write the password of the key to a file, and name it with --key-password-file or MQ_KEY_PASSWORD_FILE',
};
const mechanisms: readonly Mechanism[] = ['external', 'plain'];

/** Returns the settings in the query of an address, or a message if one is invalid. */
function parametersOf(query: string): Parameters | string {
  const options: Record<string, string | number> = {};
  const socketOptions: Record<string, string> = {};
  const tlsFiles: Partial<Record<keyof TlsFiles, string>> = {};
  let mechanism: Mechanism | undefined;
  for (const [name, value] of new URLSearchParams(query)) {
    const file = Object.hasOwn(tlsFileParameters, name) ? tlsFileParameters[name] : undefined;
    if (file !== undefined) tlsFiles[file] = value;
    else if (name === 'server_name_indication') socketOptions['servername'] = value;
    else if (name === 'auth_mechanism') {
      mechanism = mechanisms.find((one) => one === value.toLowerCase());
      if (mechanism === undefined) return 'auth_mechanism in the query must be external or plain';
    } else if (name === 'verify') {
      // An address can come from a file or variable that another person wrote, so it must not make a connection less
      // secure.
      if (value !== 'verify_peer')
        return 'verify in the query must be verify_peer, because an address cannot turn off the verification';
    } else {
      const fault = setOption(
        options,
        Object.hasOwn(optionParameters, name) ? (optionParameters[name] ?? name) : name,
        value,
      );
      if (fault !== undefined) return fault;
    }
  }
  const filled = Object.entries({ options, socketOptions, tlsFiles }).filter(([, of]) => Object.keys(of).length > 0);
  return { ...Object.fromEntries(filled), ...(mechanism && { mechanism }) };
}

/** Sets an option of the connection. Returns a message if the option is invalid. */
function setOption(options: Record<string, string | number>, name: string, value: string): string | undefined {
  const known = connectionOptions.fields ?? {};
  const field = Object.hasOwn(known, name) ? known[name] : undefined;
  if (field === undefined) {
    const instead = Object.hasOwn(refusedParameters, name) ? refusedParameters[name] : undefined;
    if (instead !== undefined) return `${name} in the query is not supported: ${instead}`;
    const names = [
      ...Object.keys(known),
      ...Object.keys(tlsFileParameters),
      'server_name_indication',
      'verify',
      'auth_mechanism',
    ];
    return `unknown option in the query: ${quote(name)}${didYouMean(name, names) || `; the options are ${names.join(', ')}`}`;
  }
  const { unit } = field;
  const milliseconds = unit && durationMs(value, unit);
  if (milliseconds !== undefined) {
    const amount = unit === 's' ? milliseconds / 1000 : milliseconds;
    // A heartbeat of 400ms must not be rounded to 0, because 0 turns heartbeats off.
    if (!Number.isInteger(amount)) return `${name} in the query is not a whole number of seconds`;
    options[name] = amount;
    return undefined;
  }
  const isNumber = field.is.includes('integer');
  if (isNumber && !/^\d{1,10}$/.test(value)) return `${name} in the query is not a whole number`;
  options[name] = isNumber ? Number(value) : value;
  return undefined;
}
