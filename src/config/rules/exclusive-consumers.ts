// Finds exclusive consumers of queues with a single active consumer. RabbitMQ refuses them on classic queues, even if the
// queue has no other consumer, so a role would stand by forever. Quorum queues ignore the flag `exclusive`.

import { type Config, queueArguments, queueType } from '../config.ts';
import { objectOf, type Plain } from '../plain.ts';
import type { Path } from '../reading/problem.ts';
import { scopesOf } from './report.ts';

/** Returns a problem for each subscription that the broker always refuses. `file` is the content of the user's file. */
export function exclusiveConsumers(config: Config, file: Plain): { path: Path; message: string }[] {
  return Object.entries(config.subscriptions).flatMap(([name, { vhost, queue, options = {} }]) => {
    const defined = config.vhosts[vhost]?.queues[queue];
    if (options['exclusive'] !== true || defined === undefined || queueType(defined) !== 'classic') return [];
    if (queueArguments(defined)['x-single-active-consumer'] !== true) return [];
    const message = `the classic queue ${JSON.stringify(queue)} has x-single-active-consumer, and RabbitMQ refuses each exclusive consumer of it; remove one of the two settings`;
    return [{ path: placeOf(file, name), message }];
  });
}

function placeOf(file: Plain, subscription: string): Path {
  const scope = scopesOf(file).find(({ value }) => Object.hasOwn(objectOf(value['subscriptions']), subscription));
  return [...(scope?.path ?? []), 'subscriptions', subscription, 'options', 'exclusive'];
}
