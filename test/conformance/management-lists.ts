// Jobs of the management API: the order of lists, and the identity of bindings.

import { ask } from './management-api.ts';
import { type Job, named } from './program.ts';

type Item = Readonly<Record<string, unknown>>;

function inVhost(work: (vhost: string) => Promise<unknown>): Job {
  return async () => {
    const vhost = named('vhost');
    await ask(`/vhosts/${vhost}`, 'PUT');
    try {
      return await work(vhost);
    } finally {
      await ask(`/vhosts/${vhost}`, 'DELETE');
    }
  };
}

export const lists: Readonly<Record<string, Job>> = {
  'lists without sort are ordered by name': inVhost(async (vhost) => {
    for (const name of ['b10', 'B2', 'a_', 'a.', 'é', 'a', 'A', 'b2']) {
      const path = encodeURIComponent(name);
      await ask(`/queues/${vhost}/${path}`, 'PUT', { durable: true });
      await ask(`/exchanges/${vhost}/${path}`, 'PUT', { type: 'fanout', durable: true });
      await ask(`/bindings/${vhost}/e/${path}/q/${path}`, 'POST', { routing_key: 'k' });
      await ask(`/policies/${vhost}/${path}`, 'PUT', { pattern: '^never', definition: { 'max-length': 3 } });
    }
    const found: unknown[] = [];
    for (const path of ['queues', 'exchanges', 'bindings', 'policies']) {
      const items = (await ask(`/${path}/${vhost}`)).body as Item[];
      found.push(items.map(({ source, destination, name }) => [source, destination, name]));
    }
    return found;
  }),
  'bindings with arguments in another order are one binding': inVhost(async (vhost) => {
    await ask(`/queues/${vhost}/q`, 'PUT', { durable: true });
    const path = `/bindings/${vhost}/e/amq.headers/q/q`;
    const statuses: number[] = [];
    for (const table of [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ])
      statuses.push((await ask(path, 'POST', { routing_key: 'k', arguments: table })).status);
    const found = (await ask(path)).body as { properties_key: string; arguments: Item }[];
    const key = encodeURIComponent(found[0]?.properties_key ?? '');
    const removed = await ask(`${path}/${key}`, 'DELETE');
    return [statuses, found.map((binding) => binding.arguments), removed.status, (await ask(path)).body];
  }),
};
