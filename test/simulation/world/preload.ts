// Loads all modules of mq that a simulation may need, because a module that is loaded during a run would take real time.

import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';

const src = resolve(import.meta.dirname, '../../../src');

/** Parts of mq that run in no simulation. */
const others = ['build/', 'web/', 'test-process/', 'cluster/', 'cli/commands/web', 'main.ts'];

export async function preload(): Promise<void> {
  const files = globSync('**/*.ts', { cwd: src }).filter(
    (file) => !file.endsWith('.d.ts') && !others.some((other) => file.startsWith(other)),
  );
  for (const file of files.sort()) await import(join(src, file));
}
