// Describes and checks connections.json. No field contains a secret: secrets are references.

import { parseAddress } from '../../../config/address.ts';
import { checkedJson, type Field } from '../../../config/check.ts';
import type { ConnectionConfig } from '../../../config/config.ts';
import { isObject, listOf, objectOf, type Plain, stringOf } from '../../../config/plain.ts';
import type { Reference } from './reference.ts';

/** A named connection. Files are absolute paths. */
export interface StoredConnection {
  /** AMQP addresses without passwords, one for each node. */
  readonly urls: readonly string[];
  readonly password?: Reference;
  /** Addresses of the management API without passwords. */
  readonly managementUrls?: readonly string[];
  /** Password of the users in `managementUrls`. */
  readonly managementPassword?: Reference;
  readonly tls?: StoredTls;
  /** An OAuth 2 token. A command and a file are read again before the token expires. */
  readonly token?: Reference;
  readonly oauth?: StoredClient;
}

export interface StoredTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly keyPasswordFile?: string;
}

/** The client credentials grant of OAuth 2. */
export interface StoredClient {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: Reference;
  readonly scope?: string;
  readonly audience?: string;
}

export type StoredConnections = Readonly<Record<string, StoredConnection>>;

// A user may write a secret instead of a reference, so no message shows a value of this file.
const text = (description: string): Field => ({ is: ['string'], description, secret: true });
const group = (description: string, fields: Record<string, Field>, required: readonly string[] = []): Field => {
  return { is: ['object'], description, fields, required, secret: true };
};
const list = (description: string): Field => {
  return {
    is: ['array'],
    description,
    minItems: 1,
    secret: true,
    items: { is: ['string'], description, secret: true },
  };
};
const secret = group('a reference to a secret', {
  env: text('environment variable'),
  file: text('file'),
  command: text('shell command that prints the secret'),
});

const connection = group(
  'a named connection',
  {
    urls: list('addresses of the nodes'),
    password: secret,
    managementUrls: list('addresses of the management API'),
    managementPassword: secret,
    tls: group('PEM files', {
      ca: text('certificate authority'),
      cert: text('client certificate'),
      key: text('key of the client certificate'),
      keyPasswordFile: text('file with the password of the key'),
    }),
    token: secret,
    oauth: group(
      'client credentials of OAuth 2',
      {
        url: text('token URL'),
        clientId: text('client'),
        clientSecret: secret,
        scope: text('scope'),
        audience: text('audience'),
      },
      ['url', 'clientId', 'clientSecret'],
    ),
  },
  ['urls'],
);

const field = group('named connections', {
  connections: { is: ['object'], description: 'connections by name', secret: true, entries: connection },
});

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Parses connections.json. Throws CONFIG with the position of each problem. */
export async function parsedConnections(content: string, file: string): Promise<StoredConnections> {
  const checked = await checkedJson(content, {
    file,
    field,
    faults: (found) =>
      Object.entries(objectOf(found['connections'])).flatMap(([name, one]) =>
        faultsOf(name, objectOf(one)).map(({ path, message }) => ({ path: ['connections', name, ...path], message })),
      ),
  });
  // The fields have been checked, and a name such as `constructor` must not be found.
  return Object.assign(Object.create(null), checked['connections']);
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u;

/** Returns why a name cannot name a connection, or `undefined` if it can. */
export function nameFault(name: string): string | undefined {
  if (namePattern.test(name)) return undefined;
  return 'the name of a connection consists of at most 64 letters, digits, dots, hyphens and underscores, and begins with a letter or digit';
}

/** Returns the problems of one connection. A path is relative to it. */
export function faultsOf(name: string, one: Plain): Fault[] {
  const wrongName = nameFault(name);
  const addresses = listOf(one['urls']).map((url) => parseAddress(stringOf(url) ?? ''));
  return [
    ...(wrongName === undefined ? [] : [{ path: [], message: wrongName }]),
    ...addresses.flatMap((address, index) => {
      const message = typeof address === 'string' ? address : addressFault(address, one);
      return message === undefined ? [] : [{ path: ['urls', index], message }];
    }),
    ...managementFaults(one),
    ...['password', 'managementPassword', 'token'].flatMap((key) => referenceFaults(one[key], [key])),
    ...referenceFaults(objectOf(one['oauth'])['clientSecret'], ['oauth', 'clientSecret']),
    ...loginFaults(
      one,
      addresses.some((address) => typeof address !== 'string' && address.mechanism === 'external'),
    ),
  ];
}

const wroteSecret =
  'the file would contain the password; write the address without it, and name a variable, a file or a command: --password-env, --password-file, --password-command';

function addressFault({ user, password, mechanism }: ConnectionConfig, one: Plain): string | undefined {
  if (password !== undefined && password !== '') return wroteSecret;
  const hasLogin = ['password', 'token', 'oauth'].some((key) => one[key] !== undefined) || mechanism === 'external';
  if (user !== undefined && !hasLogin)
    return `the user '${user}' has no password: use --password-env, --password-file or --password-command`;
  if (user === undefined && one['password'] !== undefined) return 'the address has no user for the password';
  return undefined;
}

function managementFaults(one: Plain): Fault[] {
  return listOf(one['managementUrls']).flatMap((address, index) => {
    const url = URL.parse(stringOf(address) ?? '');
    const at = (message: string) => [{ path: ['managementUrls', index], message }];
    if (url === null || !/^https?:$/.test(url.protocol)) return at('is not a URL that begins with http:// or https://');
    if (/[?#]/.test(url.href)) return at('the URL must not contain ? or #');
    if (url.password !== '') return at(wroteSecret.replaceAll('--password', '--management-password'));
    const hasPassword = one['managementPassword'] !== undefined;
    if (url.username !== '' && !hasPassword) return at('the user has no password: use --management-password-env');
    if (url.username === '' && hasPassword) return at('the address has no user for the password');
    return [];
  });
}

function referenceFaults(value: unknown, path: readonly string[]): Fault[] {
  if (!isObject(value) || Object.keys(value).length === 1) return [];
  return [{ path: [...path], message: 'requires exactly one of env, file and command' }];
}

/** Two logins contradict each other, so mq does not choose one. */
function loginFaults(one: Plain, isExternal: boolean): Fault[] {
  const logins = ['password', 'token', 'oauth'].filter((key) => one[key] !== undefined);
  const names = [...logins, ...(isExternal ? ['auth_mechanism=external'] : [])];
  const [, second] = names;
  const tls = objectOf(one['tls']);
  const isKeyAlone = tls['key'] !== undefined && tls['cert'] === undefined;
  return [
    ...(second === undefined
      ? []
      : [{ path: [logins.at(-1) ?? ''], message: `${names.join(' and ')} exclude each other` }]),
    ...(isKeyAlone ? [{ path: ['tls', 'key'], message: 'the key requires a certificate' }] : []),
  ];
}
