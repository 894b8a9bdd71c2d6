// Where the management API is, and as whom: --management-url > MQ_MANAGEMENT_URL > that of the broker's address.

import type { Login, ManagementAddress } from '../admin/address.ts';
import type { Management } from '../admin/client.ts';
import type { Config, ConnectionConfig } from '../config/config.ts';
import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import { addressesOf } from './addresses.ts';
import { readText } from './files.ts';
import type { Values } from './values.ts';

export interface OpenedManagement {
  readonly api: Management;
  /** That the broker's address names, if it does. */
  readonly vhost: string | undefined;
}

/** The client for a command line. Throws USAGE, NO_INPUT, and CONFIG where rascal.json has to be asked. */
export async function openManagement(
  context: Context,
  values: Values,
  configOf: (context: Context) => Promise<Config>,
): Promise<OpenedManagement> {
  const { Management } = await import('../admin/client.ts');
  const { addresses, vhost } = await placesOf(context, values, configOf);
  const withLogin = await loginOf(context, values);
  const file = values.name('ca');
  const timeoutMs = values.duration('timeout');
  const maxBytes = values.whole('max-answer', { min: 1 });
  const api = new Management({
    addresses: addresses.map(withLogin),
    signal: context.drain,
    ...(file !== undefined && { ca: await readText(context, file) }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(maxBytes !== undefined && { maxBytes }),
  });
  return { api, vhost };
}

interface Places {
  readonly addresses: readonly ManagementAddress[];
  readonly vhost: string | undefined;
}

async function placesOf(
  context: Context,
  values: Values,
  configOf: (context: Context) => Promise<Config>,
): Promise<Places> {
  const { parseManagement } = await import('../admin/address.ts');
  const option = values.name('management-url');
  const list = option ?? context.env['MQ_MANAGEMENT_URL'];
  const brokers = await addressesOf(context, values);
  // A URL that names the API whole makes rascal.json no matter, right or wrong.
  if (list === undefined) {
    const found = brokers ?? connectionsOf(await configOf(context));
    const addresses = await Promise.all(found.map(derived));
    return { addresses: addresses.flat(), vhost: found[0]?.vhost };
  }
  const [first] = brokers ?? [];
  const at = option === undefined ? 'MQ_MANAGEMENT_URL' : '--management-url';
  return { addresses: parseManagement(list, { at, login: loginIn(first) }), vhost: first?.vhost };
}

/** The first vhost that says where its broker is says it for all. */
function connectionsOf({ vhosts }: Config): readonly ConnectionConfig[] {
  const [found] = Object.values(vhosts).filter(({ connections }) => connections.length > 0);
  return found?.connections ?? [{}];
}

async function derived(connection: ConnectionConfig): Promise<readonly ManagementAddress[]> {
  const { addressOf, managementPorts, parseManagement } = await import('../admin/address.ts');
  const { protocol, hostname = 'localhost', management } = connection;
  const login = loginIn(connection);
  // Rascal's own field: a URL, or an object with one.
  const url =
    typeof management === 'object' && management !== null ? (management as { url?: unknown }).url : management;
  if (typeof url === 'string') return parseManagement(url, { at: 'management in rascal.json', login });
  const isSecure = protocol === 'amqps';
  return [addressOf({ isSecure, hostname, port: managementPorts[isSecure ? 'https' : 'http'] }, login)];
}

function loginIn({ user, password }: ConnectionConfig = {}): Login {
  return { user: user ?? 'guest', password: password ?? 'guest' };
}

/**
 * What goes before the address: --user and --password-file. MQ_PASSWORD is for --user, and for an address that names a
 * user alone; it does not go before a password that somebody has typed.
 */
async function loginOf(context: Context, values: Values): Promise<(address: ManagementAddress) => ManagementAddress> {
  const user = values.name('user');
  const file = values.name('password-file');
  const typed = file === undefined ? undefined : (await readText(context, file)).replace(/\r?\n$/, '');
  const password = typed ?? context.env['MQ_PASSWORD'];
  if (user !== undefined && password === undefined)
    throw new MqError('USAGE', `the user '${user}' has no password`, {
      at: '--user',
      hint: 'set MQ_PASSWORD, or --password-file FILE',
    });
  return (address) => {
    const isWanted = typed !== undefined || user !== undefined || address.password === '';
    return { ...address, user: user ?? address.user, password: (isWanted ? password : undefined) ?? address.password };
  };
}
