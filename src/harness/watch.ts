// Watches a folder for changes, so that tests can run again.

import { watch } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * After each change, waits until no further change follows for a short time, and yields the last changed file. Ends
 * when the signal aborts. Ignores changes of the files in `written` (absolute paths), because the run itself writes
 * them.
 */
export async function* changes(
  folder: string,
  { signal, written }: { signal: AbortSignal; written: readonly string[] },
): AsyncGenerator<string> {
  try {
    let file: string | undefined;
    let rested: Promise<void> | undefined;
    const events = watch(folder, { recursive: true, signal })[Symbol.asyncIterator]();
    let next = events.next();
    for (;;) {
      const winner = await Promise.race([next, ...(rested === undefined ? [] : [rested])]);
      if (winner === undefined) {
        rested = undefined;
        if (file !== undefined) yield join(folder, file);
        file = undefined;
        continue;
      }
      if (winner.done) return;
      next = events.next();
      const { filename } = winner.value;
      if (filename === null || filename.split(sep).some(isIgnored) || written.includes(join(folder, filename)))
        continue;
      file = filename;
      rested = delay(restMs);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Milliseconds without a further change. An editor writes a file in several steps. */
const restMs = 100;

function isIgnored(part: string): boolean {
  return part.startsWith('.') || part === 'node_modules' || part === 'dist';
}
