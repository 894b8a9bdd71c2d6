// Mirrored classic queues went in RabbitMQ 4.0: what asks for them is refused, and what does the same now is written out.

import { type ErrorDetails, MqError } from '../errors.ts';
import type { Item } from './action.ts';

/** Keys of policies that only mirrored queues had, and what stands for them on quorum queues. */
const gone: Readonly<Record<string, (value: unknown, all: Item) => string>> = {
  'ha-mode': (value, all) => {
    const size = value === 'exactly' ? all['ha-params'] : undefined;
    const members = typeof size === 'number' ? ` --argument x-quorum-initial-group-size=${size}` : '';
    return `queues that are replicated from their start: mq admin create queue NAME --type quorum${members}`;
  },
  'ha-params': () =>
    'the number of members: --argument x-quorum-initial-group-size=N of the queue; later mq admin grow',
  'ha-sync-mode': () => 'nothing: a member of a quorum queue always catches up by itself',
  'ha-sync-batch-size': () => 'nothing: a member of a quorum queue always catches up by itself',
  'ha-promote-on-shutdown': () => 'nothing: only a member that has everything becomes leader',
  'ha-promote-on-failure': () => 'nothing: only a member that has everything becomes leader',
  'queue-master-locator': (value) =>
    `"queue-leader-locator": "${value === 'client-local' ? 'client-local' : 'balanced'}"`,
};

/** Throws BAD_DATA for a policy of mirrored queues, with what to do instead; `words` are those of the command. */
export function refuseMirroring(definition: Item, { name, pattern }: { name: string; pattern: string }): void {
  const found = Object.entries(definition).filter(([key]) => Object.hasOwn(gone, key) || key.startsWith('ha-'));
  if (found.length === 0) return;
  const kept = Object.entries(definition).filter(([key]) => !found.some(([other]) => other === key));
  const rest =
    kept.length === 0
      ? 'then no policy is needed; for every queue of a vhost: mq admin create vhost NAME --default-queue-type quorum'
      : `and for the rest: mq admin set policy '${name}' '${pattern}' '${JSON.stringify(Object.fromEntries(kept))}' --apply-to quorum_queues`;
  const details: ErrorDetails = {
    problems: found.map(([key, value]) => `${key}: ${gone[key]?.(value, definition) ?? 'nothing: it is gone'}`),
    hint: rest,
  };
  throw new MqError(
    'BAD_DATA',
    'mirrored queues are gone since RabbitMQ 4.0; what quorum queues have instead:',
    details,
  );
}

/** The same for the arguments of a queue. */
export function refuseMirroredQueue(queue: string, given: Item): void {
  if (!Object.hasOwn(given, 'x-ha-policy') && !Object.hasOwn(given, 'x-ha-nodes')) return;
  throw new MqError('BAD_DATA', 'x-ha-policy is of RabbitMQ before 3.0: it replicates nothing', {
    hint: `mq admin create queue '${queue}' --type quorum`,
  });
}
