// Where the broker is: --url > MQ_URL > rascal.json (undefined).

import type { ConnectionConfig } from '../config/config.ts';
import type { Context } from '../context.ts';
import type { Values } from './values.ts';

export async function addressesOf({ env }: Context, values: Values): Promise<ConnectionConfig[] | undefined> {
  const { parseAddresses } = await import('../config/address.ts');
  const option = values.text('url');
  if (option !== undefined) return parseAddresses(option, { at: '--url', code: 'USAGE' });
  const variable = env['MQ_URL'];
  return variable === undefined ? undefined : parseAddresses(variable, { at: 'MQ_URL', code: 'USAGE' });
}
