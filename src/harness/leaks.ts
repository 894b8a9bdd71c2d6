// What tests leave on the target: connections with their channels and messages, and queues, each with the test's name.
// Messages in the queues of rascal.json are none: to hold them is what these are for, a test of one binding leaves copies in
// the queues of the others, and all of it goes with the file's vhost.

import { eventually } from './eventually.ts';
import type { FileTarget, Holdings } from './target.ts';

export interface Leak {
  /** The test after which it was first there. */
  readonly test: string;
  /** `a connection …`, `the queue …` */
  readonly what: string;
}

export interface LeakWatch {
  /** To be called after each test. */
  after(test: string): Promise<void>;
  /** What is still there now that all tests and hooks have ended. */
  left(): Promise<Leak[]>;
}

/** Looks at what is there already. */
export async function watchLeaks(target: FileTarget): Promise<LeakWatch> {
  const before = await target.look();
  const seen = new Map<string, string>();
  const first = before?.queues.map(({ name }) => name) ?? [];
  const old = new Set(before === undefined ? [] : keysOf(before, () => false).keys());
  const look = async () => {
    const [holdings, queues] = await Promise.all([target.look(), target.queues()]);
    const isOwn = (queue: string) =>
      [...queues, ...first].some((name) => queue === name || queue.startsWith(`${name}.`));
    const found = holdings === undefined ? new Map<string, string>() : keysOf(holdings, isOwn);
    for (const key of old) found.delete(key);
    return found;
  };
  return {
    after: async (test) => {
      for (const key of (await look()).keys()) if (!seen.has(key)) seen.set(key, test);
    },
    left: async () => {
      let found = new Map<string, string>();
      // A connection that was closed just now may be gone only in a moment.
      const isClean = async () => {
        found = await look();
        return found.size === 0;
      };
      await eventually('nothing is left', isClean, { within: 1_000, every: 50 }).catch(() => undefined);
      return [...found].map(([key, what]) => ({ test: seen.get(key) ?? 'a hook', what }));
    },
  };
}

function keysOf({ connections, queues }: Holdings, isOwn: (queue: string) => boolean): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, channels, unacked } of connections) {
    found.set(`connection ${name}`, `a connection (${name}; channels: ${channels}, unacknowledged: ${unacked})`);
  }
  for (const { name, ready, unacked } of queues) {
    if (!isOwn(name)) found.set(`queue ${name}`, `the queue "${name}" (ready: ${ready}, unacknowledged: ${unacked})`);
  }
  return found;
}
