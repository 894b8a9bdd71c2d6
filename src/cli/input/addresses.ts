// Finds the addresses of the broker: --url or --url-file, otherwise MQ_URL or MQ_URL_FILE, otherwise rascal.json.

import type { Config, ConnectionConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import type { Values } from '../arguments/values.ts';
import { type Secret, secretIn, secretOf } from './password.ts';

/**
 * Returns the addresses of the command line or the environment, or `undefined` if those of rascal.json apply.
 * MQ_PASSWORD (or MQ_PASSWORD_FILE) is the password of an address with a user but no password.
 */
export async function addressesOf(context: Context, values: Values): Promise<ConnectionConfig[] | undefined> {
  const given = await givenAddresses(context, values);
  return given && addressesIn(context, values, given);
}

/** Parses addresses of the command line or the environment, with --ca and --insecure. Throws USAGE. */
export async function addressesIn(context: Context, values: Values, given: Secret): Promise<ConnectionConfig[]> {
  const { parseAddresses } = await import('../../config/address.ts');
  const addresses = parseAddresses(given.text, { at: given.from, code: 'USAGE' });
  const isLacking = addresses.some(({ user, password }) => user !== undefined && password === '');
  const password = isLacking ? (await secretOf(context, 'MQ_PASSWORD'))?.text : undefined;
  return addresses.map((address) => {
    const own = password !== undefined && address.user !== undefined && address.password === '' ? { password } : {};
    return withTls({ ...address, ...own }, { ca: values.name('ca'), isInsecure: values.flag('insecure') === true });
  });
}

/** TLS settings of the command line. */
interface TlsChoice {
  /** File of --ca. */
  readonly ca: string | undefined;
  readonly isInsecure: boolean;
}

/**
 * Returns the configuration with the TLS settings of the command line: with --ca all connections also trust this
 * authority, and with --insecure they verify no certificate.
 */
export function configWithTls(config: Config, choice: TlsChoice): Config {
  const vhosts = Object.entries(config.vhosts).map(([name, vhost]) => {
    return [name, { ...vhost, connections: vhost.connections.map((one) => withTls(one, choice)) }] as const;
  });
  return { ...config, vhosts: Object.fromEntries(vhosts) };
}

function withTls(connection: ConnectionConfig, { ca, isInsecure }: TlsChoice): ConnectionConfig {
  return {
    ...connection,
    ...(ca !== undefined && { tlsFiles: { ...connection.tlsFiles, ca } }),
    ...(isInsecure && { insecure: true }),
  };
}

async function givenAddresses(context: Context, values: Values): Promise<Secret | undefined> {
  const [url, file] = [values.text('url'), values.name('url-file')];
  if (url !== undefined && file !== undefined) throw values.usage('--url and --url-file exclude each other');
  if (url !== undefined) return { text: url, from: '--url' };
  if (file !== undefined) return { text: await secretIn(context, file), from: '--url-file' };
  return secretOf(context, 'MQ_URL');
}
