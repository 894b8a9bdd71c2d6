// Finds the connections and queues that tests leave on the target, with the name of the test. Messages left in queues
// of rascal.json are not leaks, because a test of one binding leaves copies in the queues of other bindings. These
// messages are deleted with the file's vhost.

import { eventually } from '../eventually.ts';
import type { FileTarget, VhostContent } from '../target.ts';

interface Leak {
  /** Test after which the connection or queue was first found. */
  readonly test: string;
  /** Description: `a connection …`, `the queue …` */
  readonly what: string;
}

export interface LeakWatch {
  /** Call this after each test. */
  after(test: string): Promise<void>;
  /** Returns the leaks that remain after all tests and hooks. */
  left(): Promise<Leak[]>;
}

/** Starts a watch. Connections and queues that exist now are not leaks. */
export async function watchLeaks(target: FileTarget): Promise<LeakWatch> {
  const before = await target.content();
  const seen = new Map<string, string>();
  const first = before?.queues.map(({ name }) => name) ?? [];
  const old = new Set(before === undefined ? [] : keysOf(before, () => false).keys());
  const findLeaks = async () => {
    const [content, queues] = await Promise.all([target.content(), target.queues()]);
    const isOwn = (queue: string) =>
      [...queues, ...first].some((name) => queue === name || queue.startsWith(`${name}.`));
    const found = content === undefined ? new Map<string, string>() : keysOf(content, isOwn);
    for (const key of old) found.delete(key);
    return found;
  };
  return {
    after: async (test) => {
      for (const key of (await findLeaks()).keys()) if (!seen.has(key)) seen.set(key, test);
    },
    left: async () => {
      let found = new Map<string, string>();
      // A connection that was just closed may still be listed for a moment.
      const isClean = async () => {
        found = await findLeaks();
        return found.size === 0;
      };
      await eventually('nothing is left', isClean, { within: 3_000, every: 50 }).catch(() => undefined);
      return [...found].map(([key, what]) => ({ test: seen.get(key) ?? 'a hook', what }));
    },
  };
}

function keysOf({ connections, queues }: VhostContent, isOwn: (queue: string) => boolean): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, channels, unacked } of connections) {
    found.set(`connection ${name}`, `a connection (${name}; channels: ${channels}, unacknowledged: ${unacked})`);
  }
  for (const { name, ready, unacked } of queues) {
    if (!isOwn(name)) found.set(`queue ${name}`, `the queue "${name}" (ready: ${ready}, unacknowledged: ${unacked})`);
  }
  return found;
}
