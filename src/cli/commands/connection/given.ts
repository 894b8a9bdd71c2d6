// Builds a named connection from the options of mq connection add.

import { resolve } from 'node:path';
import type { Context } from '../../../context.ts';
import type { Values } from '../../arguments/values.ts';
import { assertStorable, type Reference, type StoredConnection } from '../../input/connections.ts';

/** Key of each TLS file, and its option. */
const tlsOptions = [
  ['ca', 'ca'],
  ['cert', 'cert'],
  ['key', 'key'],
  ['keyPasswordFile', 'key-password-file'],
] as const;

/**
 * Returns the connection. File names become absolute, because commands run in other folders.
 * @throws MqError USAGE for a problem of the options
 */
export async function connectionOf(context: Context, values: Values, name: string): Promise<StoredConnection> {
  const { cwd } = context;
  const url = values.name('url');
  if (url === undefined) throw values.usage('give the address of the broker: --url amqp://user@host/vhost');
  const file = (option: string) => {
    const given = values.name(option);
    return given === undefined ? undefined : resolve(cwd, given);
  };
  const tls = Object.fromEntries(
    tlsOptions.flatMap(([key, option]) => {
      const given = file(option);
      return given === undefined ? [] : [[key, given]];
    }),
  );
  const [password, managementPassword, token] = ['password', 'management-password', 'token'].map((secret) =>
    reference(values, secret, cwd),
  );
  const managementUrl = values.name('management-url');
  const connection: StoredConnection = {
    urls: listed(url),
    ...(password && { password }),
    ...(managementUrl !== undefined && { managementUrls: listed(managementUrl) }),
    ...(managementPassword && { managementPassword }),
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(token && { token }),
  };
  await assertStorable(name, connection);
  return connection;
}

function listed(urls: string): string[] {
  return urls.split(',').map((url) => url.trim());
}

function reference(values: Values, secret: string, cwd: string): Reference | undefined {
  const given = (['env', 'file', 'command'] as const).filter((kind) => values.name(`${secret}-${kind}`) !== undefined);
  const [kind, other] = given;
  if (kind === undefined) return undefined;
  if (other !== undefined) throw values.usage(`--${secret}-${kind} and --${secret}-${other} exclude each other`);
  const text = values.name(`${secret}-${kind}`) ?? '';
  return { [kind]: kind === 'file' ? resolve(cwd, text) : text };
}
