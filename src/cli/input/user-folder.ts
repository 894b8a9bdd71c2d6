// Finds the folder of the user's configuration.

import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Context } from '../../context.ts';

/**
 * Returns the folder of mq below the user's configuration folder. A relative XDG_CONFIG_HOME is ignored, as its
 * specification requires; otherwise the folder would be in the working folder, which is not trusted.
 */
export function userFolder({ env }: Pick<Context, 'env'>): string {
  const [own = join(homedir(), '.config')] = [
    env['XDG_CONFIG_HOME'],
    env['HOME'] && join(env['HOME'], '.config'),
  ].filter((folder) => folder !== undefined && isAbsolute(folder));
  return join(own, 'mq');
}
