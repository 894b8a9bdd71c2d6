// Watches a folder for changes, so that tests can run again. The outputs of the run itself are not changes.

import { type BigIntStats, fstatSync, statSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * After each change, waits until no further change follows for a short time, and yields the last changed file. Ends
 * when the signal aborts. Ignores changes of the files in `written` (absolute paths) and of those that `outputs` write
 * to, because the run itself writes them.
 */
export async function* changes(folder: string, { signal, written, outputs }: WatchOptions): AsyncGenerator<string> {
  const own = new Set(outputs.flatMap((output) => identityOf(() => fstatSync(descriptorOf(output), big)) ?? []));
  const isOwn = (path: string) =>
    written.includes(path) || (own.size > 0 && own.has(identityOf(() => statSync(path, big)) ?? ''));
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
      if (filename === null || filename.split(sep).some(isIgnored) || isOwn(join(folder, filename))) continue;
      file = filename;
      rested = delay(restMs);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

interface WatchOptions {
  readonly signal: AbortSignal;
  readonly written: readonly string[];
  /** Standard output and standard error: `mq test --watch > file`. */
  readonly outputs: readonly object[];
}

const big = { bigint: true } as const;

/** Returns the file descriptor of a stream, or -1 if it has none. */
function descriptorOf(output: object): number {
  const descriptor: unknown = 'fd' in output ? output.fd : undefined;
  return typeof descriptor === 'number' ? descriptor : -1;
}

/** Returns a text that is the same for all paths and descriptors of a regular file, or `undefined` for anything else. */
function identityOf(stat: () => BigIntStats): string | undefined {
  try {
    const found = stat();
    return found.isFile() ? `${found.dev} ${found.ino}` : undefined;
  } catch {
    // The stream has no descriptor, or the file was deleted.
    return undefined;
  }
}

/** Milliseconds without a further change. An editor writes a file in several steps. */
const restMs = 100;

function isIgnored(part: string): boolean {
  return part.startsWith('.') || part === 'node_modules' || part === 'dist';
}
