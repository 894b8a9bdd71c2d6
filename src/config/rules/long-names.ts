// Finds queues whose names on the broker would be longer than AMQP allows.

import { type Config, namePrefix } from '../config.ts';
import type { Path } from '../reading/problem.ts';
import { madeQueues } from '../retry-queues.ts';
import type { Declared } from './declared.ts';

/** AMQP 0-9-1, 4.2.5.3: a short string has at most 255 bytes. */
const longestName = 255;

interface LongName {
  readonly path: Path;
  readonly message: string;
}

/**
 * Returns the queues of the file whose names are too long. `problems`: the namespace makes the name too long, so the
 * queue cannot be declared. `warnings`: only the queues for failed messages cannot be declared.
 */
export function longNames(config: Config, { queues }: Declared): { problems: LongName[]; warnings: LongName[] } {
  const made = Map.groupBy(madeQueues(config), ({ vhost, workQueue }) => JSON.stringify([vhost, workQueue]));
  const problems: LongName[] = [];
  const warnings: LongName[] = [];
  for (const { vhost, name, at } of queues) {
    const prefix = namePrefix(config.vhosts[vhost]);
    const own = Buffer.byteLength(prefix + name);
    const ends = (made.get(JSON.stringify([vhost, name])) ?? []).map((one) => one.name.slice(name.length));
    const end = ends.toSorted((one, other) => other.length - one.length)[0] ?? '';
    const limit = `and AMQP allows ${longestName}`;
    if (own > longestName)
      problems.push({ path: at, message: `the name has ${own} bytes with the namespace, ${limit}` });
    else if (own + end.length > longestName)
      warnings.push({ path: at, message: `the name of the queue NAME${end} has ${own + end.length} bytes, ${limit}` });
  }
  return { problems, warnings };
}
