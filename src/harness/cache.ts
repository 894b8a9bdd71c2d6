// Caches the code that Node compiles from test files (without types, and as V8 code) between runs, because loading the
// type stripper is as slow as starting Node.

import { enableCompileCache } from 'node:module';
import { homedir, platform, tmpdir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';

/**
 * Turns the cache on. Nothing is cached if the folder is not writable or NODE_DISABLE_COMPILE_CACHE is set. Test files
 * in the temporary folder are not cached either, because they are rarely used again.
 */
export function enableCache(file: string, env: Readonly<Record<string, string | undefined>>): void {
  const folder = folderOf(env);
  if (folder !== undefined && !file.startsWith(tmpdir() + sep)) enableCompileCache(join(folder, 'mq'));
}

/** Returns the user's own cache folder. It must be private, because cached code is executed. */
function folderOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_CACHE_HOME: given, LOCALAPPDATA: local } = env;
  // The XDG Base Directory Specification: a relative path must be ignored.
  if (given && isAbsolute(given)) return given;
  if (platform() === 'win32') return local;
  const home = homedir();
  if (!home || home === '/') return undefined;
  return platform() === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache');
}
