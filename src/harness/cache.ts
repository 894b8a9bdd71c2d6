// Where what Node has made of a test file (its types stripped, V8's code) stays from one run to the next: to load what
// strips types takes as long as Node's own start.

import { enableCompileCache } from 'node:module';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';

/** From now on in use. Where the folder cannot be written, or NODE_DISABLE_COMPILE_CACHE is set, nothing is kept. */
export function keepCompiled(env: Readonly<Record<string, string | undefined>>): void {
  const folder = folderOf(env);
  if (folder !== undefined) enableCompileCache(join(folder, 'mq'));
}

/** The user's own folder for such things: what is read from it is run. */
function folderOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_CACHE_HOME: given, LOCALAPPDATA: local } = env;
  if (given) return given;
  if (platform() === 'win32') return local;
  const home = homedir();
  if (!home || home === '/') return undefined;
  return platform() === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache');
}
