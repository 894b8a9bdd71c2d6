// Finds the addresses of the broker: --url or --url-file, otherwise MQ_URL or MQ_URL_FILE, otherwise rascal.json.

import type { ConnectionConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { connectionWithLogin } from '../../login/apply.ts';
import type { Values } from '../arguments/values.ts';
import { loginOf } from './login.ts';
import { type Secret, secretIn, secretOf } from './password.ts';

/**
 * Returns the addresses of the command line or the environment, or `undefined` if those of rascal.json apply.
 * MQ_PASSWORD (or MQ_PASSWORD_FILE) is the password of an address with a user but no password.
 */
export async function addressesOf(context: Context, values: Values): Promise<ConnectionConfig[] | undefined> {
  const given = await givenAddresses(context, values);
  return given && addressesIn(context, given);
}

/** Parses addresses of the command line or the environment, and adds the login of the command. Throws USAGE. */
export async function addressesIn(context: Context, given: Secret): Promise<ConnectionConfig[]> {
  const { parseAddresses } = await import('../../config/address.ts');
  const addresses = parseAddresses(given.text, { at: given.from, code: 'USAGE' });
  const login = await loginOf(context);
  const isLacking =
    login.token === undefined && addresses.some(({ user, password }) => user !== undefined && password === '');
  const password = isLacking ? (await secretOf(context, 'MQ_PASSWORD'))?.text : undefined;
  return addresses.map((address) => {
    const own = password !== undefined && address.user !== undefined && address.password === '' ? { password } : {};
    return connectionWithLogin({ ...address, ...own }, login);
  });
}

async function givenAddresses(context: Context, values: Values): Promise<Secret | undefined> {
  const [url, file] = [values.text('url'), values.name('url-file')];
  if (url !== undefined && file !== undefined) throw values.usage('--url and --url-file exclude each other');
  if (url !== undefined) return { text: url, from: '--url' };
  if (file !== undefined) return { text: await secretIn(context, file), from: '--url-file' };
  return secretOf(context, 'MQ_URL');
}
