// Named connections: reads connections.json of the user, and applies a connection to a command.

import { endpointOf } from '../../config/endpoint.ts';
import { dictionary } from '../../config/plain.ts';
import type { Context } from '../../context.ts';
import { MqError, systemCode } from '../../errors.ts';
import type { Login, TokenSource } from '../../login/login.ts';
import { nearest } from '../../terminal/nearest.ts';
import type { Values } from '../arguments/values.ts';
import { type Reference, secretAt } from './connections/reference.ts';
import type { StoredClient, StoredConnection, StoredConnections, StoredTls } from './connections/stored.ts';
import { connectionsPath } from './connections-path.ts';
import { filled } from './password.ts';
import { readPrivate } from './private-file.ts';

export { originOf, type Reference } from './connections/reference.ts';
export type { StoredConnection, StoredConnections } from './connections/stored.ts';

/** Variables that describe a broker or a login. A named connection replaces all of them. */
const replaced =
  /^MQ_(CONNECTION|(MANAGEMENT_)?URL|URL_FILE|CA|CERT|KEY|KEY_PASSWORD_FILE|INSECURE|TOKEN(_.*)?|OAUTH_.*)$/;
/** Options that name a broker. In other commands, `--from` and `--on` have another meaning. */
const addressOptions: Readonly<Record<string, readonly string[]>> = { init: ['from'], test: ['on'] };

/**
 * Returns the name of --connection, or of MQ_CONNECTION if no option names a broker.
 * @throws MqError USAGE if --connection and --url are given, or if MQ_CONNECTION and MQ_URL are set and no option decides
 */
export function chosenConnection({ env }: Pick<Context, 'env'>, values: Values): string | undefined {
  const typed = values.name('connection');
  const options = ['url', 'url-file', ...(addressOptions[values.command] ?? [])];
  const other = options.find((option) => values.given.includes(option));
  if (typed !== undefined && other !== undefined) throw values.usage(`--connection and --${other} exclude each other`);
  if (typed !== undefined || other !== undefined) return typed;
  const name = filled(env, 'MQ_CONNECTION');
  const variable = ['MQ_URL', 'MQ_URL_FILE'].find((one) => env[one] !== undefined);
  if (name === undefined || variable === undefined) return name;
  throw new MqError('USAGE', `MQ_CONNECTION and ${variable} are both set`, {
    hint: 'unset one of them, or name the broker with --connection or --url',
  });
}

export interface AppliedConnection {
  /** The context with the addresses and the login of the connection. */
  readonly context: Context;
  /** Addresses without user and password: `amqps://rabbit-1:5671/orders, amqps://rabbit-2:5671/orders`. */
  readonly shown: string;
  /** Named addresses of the management API without user and password. */
  readonly managementUrls: readonly string[];
}

/**
 * Applies a named connection to a command.
 * @throws MqError USAGE for an unknown name, CONFIG for an invalid file, NOT_PERMITTED if other users can change the file,
 * and the errors of its secrets
 */
export async function withConnection(context: Context, name: string): Promise<AppliedConnection> {
  const stored = storedIn(await readConnections(context), name, context);
  const from = `the connection '${name}'`;
  const secret = (reference: Reference) => secretAt(context, reference, from);
  const password = stored.password && (await secret(stored.password));
  const managementPassword = stored.managementPassword && (await secret(stored.managementPassword));
  const login = await loginOf(context, stored, from);
  const managementUrls = stored.managementUrls?.map((url) => withPassword(url, managementPassword));
  // The programs that mq starts do not inherit the secrets of the connection.
  const secretVariables = new Set(
    [stored.password, stored.managementPassword, stored.token, stored.oauth?.clientSecret].map((one) => one?.env),
  );
  const isInherited = (variable: string) => !replaced.test(variable) && !secretVariables.has(variable);
  const env = Object.fromEntries(Object.entries(context.env).filter(([variable]) => isInherited(variable)));
  return {
    context: {
      ...context,
      env: {
        ...env,
        MQ_URL: stored.urls.map((one) => withPassword(one, password)).join(','),
        ...(managementUrls && { MQ_MANAGEMENT_URL: managementUrls.join(',') }),
      },
      login,
    },
    shown: await shownAddresses(stored.urls, from),
    managementUrls: (stored.managementUrls ?? []).map(shownUrl),
  };
}

async function shownAddresses(urls: readonly string[], from: string): Promise<string> {
  const { parseAddress } = await import('../../config/address.ts');
  const shown = urls.map((url) => {
    const address = parseAddress(url);
    if (typeof address === 'string') throw new MqError('BUG', `${from} has an invalid address`);
    const { protocol, vhost } = address;
    return `${protocol}://${endpointOf(address)}${vhost === undefined ? '' : `/${encodeURIComponent(vhost)}`}`;
  });
  return shown.join(', ');
}

/** Returns the URL of a management API without user, password and query. */
export function shownUrl(text: string): string {
  const url = URL.parse(text.trim());
  return url === null ? 'an invalid URL' : `${url.origin}${url.pathname.replace(/\/$/, '')}`;
}

/** Returns the connection with the name. Throws USAGE for an unknown name. */
export function storedIn(all: StoredConnections, name: string, world: Pick<Context, 'env'>): StoredConnection {
  const found = all[name];
  if (found !== undefined) return found;
  const near = nearest(name, Object.keys(all));
  const file = connectionsPath(world);
  throw new MqError('USAGE', `there is no connection '${name}' in ${file}`, {
    at: file,
    hint: near === undefined ? `mq connection add ${name} --url … adds it` : `did you mean '${near}'?`,
  });
}

/**
 * Returns all connections of the user. They are empty without a file.
 * @throws MqError CONFIG for an invalid file, NO_INPUT if it cannot be read, and NOT_PERMITTED if other users can change it
 */
export async function readConnections(
  context: Pick<Context, 'env' | 'cwd' | 'uid' | 'drain'>,
): Promise<StoredConnections> {
  const file = connectionsPath(context);
  let text: string;
  try {
    // The file names commands that mq runs, so not even the group may change it.
    ({ text } = await readPrivate(context, file, 'owner'));
  } catch (error) {
    const isAbsent = error instanceof MqError && ['ENOENT', 'ENOTDIR'].includes(systemCode(error.cause) ?? '');
    if (isAbsent) return dictionary([]);
    throw error;
  }
  const { parsedConnections } = await import('./connections/stored.ts');
  return parsedConnections(text, file);
}

/** Throws USAGE with all problems of a connection that the user has typed. */
export async function assertStorable(name: string, connection: StoredConnection): Promise<void> {
  const { faultsOf } = await import('./connections/stored.ts');
  const problems = faultsOf(name, { ...connection }).map(({ path, message }) => {
    return path.length === 0 ? message : `${path.join('.')}: ${message}`;
  });
  const [first = ''] = problems;
  if (problems.length === 1) throw new MqError('USAGE', first, { hint: 'mq connection add --help' });
  if (problems.length > 1)
    throw new MqError('USAGE', `the connection '${name}' has ${problems.length} problems`, { problems });
}

async function loginOf(context: Context, stored: StoredConnection, from: string): Promise<Login> {
  const { tls, token, oauth } = stored;
  const source = token
    ? await tokenSource(context, token, from)
    : oauth && (await clientOf(context, { oauth, from, ca: tls?.ca }));
  return { ...(tls && { tls: tlsFilesOf(tls) }), ...(source && { token: source }) };
}

function tlsFilesOf({ keyPasswordFile, ...files }: StoredTls): NonNullable<Login['tls']> {
  return { ...files, ...(keyPasswordFile !== undefined && { keyPassword: keyPasswordFile }) };
}

async function tokenSource(context: Context, reference: Reference, from: string): Promise<TokenSource> {
  const { file, command } = reference;
  if (file !== undefined) return { kind: 'file', from, file };
  if (command !== undefined) return { kind: 'command', from, command, folder: context.cwd };
  return { kind: 'token', from, token: await secretAt(context, reference, from) };
}

async function clientOf(
  context: Context,
  { oauth, from, ca }: { oauth: StoredClient; from: string; ca: string | undefined },
): Promise<TokenSource> {
  const { clientSecret, ...rest } = oauth;
  const secret = await secretAt(context, clientSecret, from);
  return { kind: 'client', from, ...rest, clientSecret: secret, ...(ca !== undefined && { ca }) };
}

/** Adds the password to an address with a user. stored.ts has checked that the address has no password. */
function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  return url.replace(/^([a-z]+:\/\/[^@/?#:]+):?@/i, (_, start: string) => `${start}:${encodeURIComponent(password)}@`);
}
