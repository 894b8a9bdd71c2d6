// Where what Node has made of a test file (its types stripped, V8's code) stays from one run to the next: to load what
// strips types takes as long as Node's own start.

import { enableCompileCache } from 'node:module';
import { homedir, platform, tmpdir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';

/**
 * From now on in use. Nothing is kept where the folder cannot be written, where NODE_DISABLE_COMPILE_CACHE is set, and of a
 * file in the folder for temporary ones, which as a rule is never seen again.
 */
export function keepCompiled(file: string, env: Readonly<Record<string, string | undefined>>): void {
  const folder = folderOf(env);
  if (folder !== undefined && !file.startsWith(tmpdir() + sep)) enableCompileCache(join(folder, 'mq'));
}

/** The user's own folder for such things: what is read from it is run. */
function folderOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_CACHE_HOME: given, LOCALAPPDATA: local } = env;
  // The XDG Base Directory Specification: a relative one is to be ignored.
  if (given && isAbsolute(given)) return given;
  if (platform() === 'win32') return local;
  const home = homedir();
  if (!home || home === '/') return undefined;
  return platform() === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache');
}
