// Finds the file with the named connections of the user.

import { isAbsolute, join } from 'node:path';
import type { Context } from '../../context.ts';
import { userFolder } from './user-folder.ts';

/** Returns the path of connections.json. Windows keeps the configuration of programs in the folder of APPDATA. */
export function connectionsPath({ env }: Pick<Context, 'env'>): string {
  // Only Windows sets APPDATA.
  const roaming = env['XDG_CONFIG_HOME'] || env['HOME'] ? undefined : env['APPDATA'];
  const folder = roaming !== undefined && isAbsolute(roaming) ? join(roaming, 'mq') : userFolder({ env });
  return join(folder, 'connections.json');
}
