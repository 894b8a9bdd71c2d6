// Finds the folder of the user's configuration.

import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Context } from '../../context.ts';

/**
 * Returns the folder of mq below the user's configuration folder. A relative or empty XDG_CONFIG_HOME or
 * HOME is ignored; otherwise the folder would be in the working folder, which is not trusted.
 */
export function userFolder({ env }: Pick<Context, 'env'>): string {
  const { XDG_CONFIG_HOME: own = '', HOME: home = '' } = env;
  if (isAbsolute(own)) return join(own, 'mq');
  return join(isAbsolute(home) ? home : systemHome(), '.config', 'mq');
}

/** Returns the home folder of the user's account. `homedir()` returns an empty or relative HOME as it is. */
function systemHome(): string {
  const found = homedir();
  if (isAbsolute(found)) return found;
  try {
    return userInfo().homedir;
  } catch {
    // The account has no entry, as in some containers.
    return '/';
  }
}
