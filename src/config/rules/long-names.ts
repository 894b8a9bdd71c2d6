// Finds queues whose names on the broker would be longer than AMQP allows.

import { type Config, namePrefix } from '../config.ts';
import type { Path } from '../reading/problem.ts';
import { madeQueues } from '../retry-queues.ts';
import type { Declared } from './declared.ts';

/** AMQP 0-9-1, 4.2.5.3: a short string has at most 255 bytes. */
const longestName = 255;

/**
 * Returns the queues of the file that cannot be declared: the namespace makes the name too long, or the queues for its
 * failed messages have longer names.
 */
export function longNames(config: Config, { queues }: Declared): { path: Path; message: string }[] {
  const made = Map.groupBy(madeQueues(config), ({ vhost, workQueue }) => JSON.stringify([vhost, workQueue]));
  return queues.flatMap(({ vhost, name, at }) => {
    const prefix = namePrefix(config.vhosts[vhost]);
    const ofFailures = made.get(JSON.stringify([vhost, name])) ?? [];
    const all = [name, ...ofFailures.map((one) => one.name)].map((one) => prefix + one);
    const longest = all.reduce((one, other) => (Buffer.byteLength(other) > Buffer.byteLength(one) ? other : one));
    const bytes = Buffer.byteLength(longest);
    if (bytes <= longestName) return [];
    const isOwn = longest === prefix + name;
    const what = isOwn
      ? 'the namespace makes the name too long'
      : 'the name is too long for the queues of failed messages';
    const shown = isOwn ? 'it' : `NAME${longest.slice(prefix.length + name.length)}`;
    return [{ path: at, message: `${what}: ${shown} would have ${bytes} bytes, and AMQP allows ${longestName}` }];
  });
}
