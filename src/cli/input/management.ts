// Opens the management API of a broker with the user's login. admin/address.ts finds its addresses. Before the first
// request, management-proof.ts checks that the API belongs to the broker.

import type { Depths } from '../../admin/action.ts';
import type { ManagementAddress } from '../../admin/address.ts';
import type { Management } from '../../admin/client.ts';
import type { Limits } from '../../admin/http.ts';
import type { Config, ConnectionConfig } from '../../config/config.ts';
import { endpointOf } from '../../config/endpoint.ts';
import type { Context } from '../../context.ts';
import { type ErrorCode, MqError } from '../../errors.ts';
import { defaultConnection } from '../../login/apply.ts';
import type { Values } from '../arguments/values.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from './addresses.ts';
import { loginOf } from './login.ts';
import { assertOwn, openBroker } from './management-proof.ts';
import { secretIn, secretOf } from './password.ts';

export interface OpenedManagement {
  readonly api: Management;
  readonly depths: Depths | undefined;
  /** Vhost in the broker's address, if the address names one. */
  readonly vhost: string | undefined;
}

interface SearchSettings {
  /** AMQP addresses of the broker to which the API must belong. Empty if only the API is known. */
  readonly connections: readonly ConnectionConfig[];
  readonly limits?: Partial<Limits>;
  /** Replaces the user and password of an address. */
  readonly login?: ChangeLogin;
  /** `true` also sends requests after a signal, for what must be undone. Default `false`. */
  readonly ignoresSignals?: boolean;
}

type ChangeLogin = (address: ManagementAddress) => ManagementAddress;

export interface FoundManagement {
  /** `false` if the addresses are derived from the AMQP addresses. */
  readonly isNamed: boolean;
  readonly addresses: readonly ManagementAddress[];
  /** Client that checks each address before the first request to it. */
  readonly api: Management;
  /** Reads depths over AMQP. Returns an empty map until it is proven that AMQP and the API lead to the same broker. */
  readonly depths: Depths;
}

/**
 * Returns the reasons why a command needs the user's consent to the file. risks.ts finds the reasons that apply to all
 * commands.
 */
export type Doubts = (config: Config) => Promise<string[]>;

export type ConfigOf = (context: Context, doubts?: Doubts) => Promise<Config>;

/**
 * Returns the client for `mq admin`.
 * @param sendsPassword the action sends a new password of a user
 * @throws MqError USAGE, NO_INPUT, BAD_DATA, CONFIG, UNTRUSTED or CANNOT_CREATE, and INTERRUPTED or TERMINATED at a
 * signal
 */
export async function openManagement(
  context: Context,
  values: Values,
  { configOf, sendsPassword }: { configOf: ConfigOf; sendsPassword: boolean },
): Promise<OpenedManagement> {
  const login = await apiUserOf(context, values);
  const typed = await addressesOf(context, values);
  const connections = typed ?? (await connectionsOfFile(context, values, { configOf, login, sendsPassword }));
  const timeoutMs = values.duration('timeout');
  const maxBytes = values.bytes('max-answer');
  const limits = {
    ...{ timeoutHint: '--timeout DURATION allows more time' },
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(maxBytes !== undefined && { maxBytes }),
  };
  const { api, depths } = await findManagement(context, values, {
    connections,
    limits,
    login,
  });
  // If the user names only a management API, actions apply to all vhosts, because its address contains no vhost.
  const vhost = typed === undefined && isNamed(context, values) ? undefined : connections[0]?.vhost;
  return { api, depths, vhost };
}

/**
 * Returns the API. The requests of its client throw CONFIG if the API belongs to another broker.
 * @throws MqError USAGE for an invalid address, CONFIG if no API is named and none can be derived, and the errors of
 * loginOf
 */
export async function findManagement(
  context: Context,
  values: Values,
  { connections, limits = {}, login = (address) => address, ignoresSignals = false }: SearchSettings,
): Promise<FoundManagement> {
  const { Management } = await import('../../admin/client.ts');
  const { addresses, isNamed } = await located(context, values, connections);
  const all = addresses.map(login);
  const signal = ignoresSignals ? undefined : context.drain;
  const settings = { ...limits, ...(signal && { signal }) };
  const isTrusted = connections.length === 0 || (isNamed && values.flag('trust-management') === true);
  let isProven = false;
  const prove = async (address: ManagementAddress) => {
    const alone = new Management({ ...settings, addresses: [address] });
    try {
      isProven = await assertOwn(alone, connections, { isNamed, signal, say: noteOf(context, values.command) });
    } finally {
      alone.close();
    }
  };
  const api = new Management({ ...settings, addresses: all, ...(!isTrusted && { prove }) });
  const depths: Depths = async (vhost, queues) => {
    if (!isProven) return new Map();
    const there = connections.map((one) => ({ ...one, vhost }));
    const peer = await openBroker(there, signal).catch(() => undefined);
    try {
      return (await peer?.depths(queues)) ?? new Map();
    } finally {
      await peer?.close();
    }
  };
  return { isNamed, addresses: all, api, depths };
}

/** Codes of the errors that end every command. */
const finalCodes: readonly ErrorCode[] = ['USAGE', 'BUG', 'INTERRUPTED', 'TERMINATED'];

/**
 * Returns the API for a command that also works without one, even if it does not answer yet. Returns `undefined` if no
 * API can be derived from the addresses, or if the derived API belongs to another broker; `say` then receives the
 * reason. Throws CONFIG if a named API belongs to another broker, USAGE for an invalid option, and
 * INTERRUPTED or TERMINATED after a signal.
 */
export async function optionalManagement(
  context: Context,
  values: Values,
  { connections, say }: { connections: readonly ConnectionConfig[]; say: (text: string) => void },
): Promise<Management | undefined> {
  let found: FoundManagement | undefined;
  try {
    found = await findManagement(context, values, { connections, limits: { timeoutMs: 5_000 } });
    await found.api.ask('GET', '/whoami');
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    const { code, message } = error;
    if (finalCodes.includes(code) || (code === 'CONFIG' && found?.isNamed)) throw error;
    if (code !== 'CONFIG') return found?.api;
    if (found !== undefined) say(`${message}; no management API is used`);
    return undefined;
  }
  return found.api;
}

/** Returns `true` if an option or a variable names the API. */
export function isNamed({ env }: Context, values: Values): boolean {
  return values.name('management-url') !== undefined || env['MQ_MANAGEMENT_URL'] !== undefined;
}

async function located(context: Context, values: Values, connections: readonly ConnectionConfig[]) {
  const { locateManagement } = await import('../../admin/address.ts');
  return locateManagement({
    option: values.name('management-url'),
    variable: context.env['MQ_MANAGEMENT_URL'],
    connections,
    login: await loginOf(context),
  });
}

/**
 * Returns the connections of rascal.json. If an API is named, the file is optional and its problems are ignored;
 * otherwise a file without connections means the local broker. A file that the user did not name needs consent if one
 * of its addresses would receive a user or password of the command line or the environment, or a new password.
 */
async function connectionsOfFile(
  context: Context,
  values: Values,
  { configOf, login, sendsPassword }: { configOf: ConfigOf; login: ChangeLogin; sendsPassword: boolean },
): Promise<readonly ConnectionConfig[]> {
  const isApiNamed = isNamed(context, values);
  if (isApiNamed)
    return configOf(context).then(
      (config) => connectionsIn(config, values),
      () => [],
    );
  const addressesOfFile = async (found: Config) =>
    (await located(context, values, connectionsIn(found, values))).addresses;
  const config = await configOf(context, async (found) => {
    // Problems of the addresses are reported after the consent.
    const addresses = await addressesOfFile(found).catch(() => []);
    const isChanged = addresses.some((one) => JSON.stringify(login(one)) !== JSON.stringify(one));
    return [
      ...(isChanged ? ['a management API that it names would receive a user or password of yours'] : []),
      ...(sendsPassword && addresses.length > 0 ? ['a management API that it names would receive a new password'] : []),
    ];
  });
  const connections = connectionsIn(config, values);
  return connections.length === 0 ? [defaultConnection(config)] : connections;
}

/**
 * Returns the connections of --vhost, otherwise those of the only broker. Throws CONFIG if there are several brokers.
 */
function connectionsIn({ vhosts: all }: Config, values: Values): readonly ConnectionConfig[] {
  const vhosts = Object.entries(all).filter(([, { connections }]) => connections.length > 0);
  const own = vhosts.find(([name]) => name === values.name('vhost'));
  if (own !== undefined) return own[1].connections;
  const brokers = new Set(vhosts.map(([, { connections }]) => JSON.stringify(connections.map(endpointOf))));
  if (brokers.size > 1)
    throw new MqError('CONFIG', 'the vhosts of rascal.json are on different brokers', {
      hint: `select one with --vhost (${vhosts.map(([name]) => name).join(', ')}) or --url`,
    });
  return vhosts[0]?.[1].connections ?? [];
}

/**
 * Returns a function that applies --user and --password-file to an address. MQ_PASSWORD (or MQ_PASSWORD_FILE) applies
 * to --user and to an address with a user but no password. It does not replace a password in an address.
 */
async function apiUserOf(context: Context, values: Values): Promise<ChangeLogin> {
  const user = values.name('user');
  const file = values.name('password-file');
  const typed = file === undefined ? undefined : await secretIn(context, file);
  const password = typed ?? (await secretOf(context, 'MQ_PASSWORD'))?.text;
  if (user !== undefined && password === undefined)
    throw new MqError('USAGE', `the user '${user}' has no password`, {
      at: '--user',
      hint: 'set MQ_PASSWORD or MQ_PASSWORD_FILE, or use --password-file FILE',
    });
  return (address) => {
    const { credentials } = address;
    const own = credentials.kind === 'password' ? credentials : { user: '', password: undefined };
    const isWanted = typed !== undefined || user !== undefined || own.password === '';
    if (!isWanted || password === undefined) return address;
    return { ...address, credentials: { kind: 'password', user: user ?? own.user, password } };
  };
}
