// Watches a folder for changes, so that tests can run again.

import { watch } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Yields the last changed file after each change, once no more changes follow for a short time. Ends when the signal
 * aborts. `written` contains the absolute paths of files that a run writes, because they would start the next run.
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
      if (filename === null || filename.split(sep).some(isPassedOver) || written.includes(join(folder, filename)))
        continue;
      file = filename;
      rested = delay(restMs);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** An editor writes a file in several steps. */
const restMs = 100;

function isPassedOver(part: string): boolean {
  return part.startsWith('.') || part === 'node_modules' || part === 'dist';
}
