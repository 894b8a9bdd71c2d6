// Reads exact message counts of queues. RabbitMQ's statistics are seconds old. An answer without statistics
// contains current counts of classic queues; the exact depth of a quorum queue is available only over AMQP.

import type { Call } from './action.ts';
import { type ApiObject, numberIn } from './json.ts';

/** Query parameters with which RabbitMQ answers without statistics. */
export const withoutStatistics = { disable_stats: true, enable_queue_totals: true } as const;

/** Fields of such an answer that contain counts. */
export const countColumns = ['messages', 'messages_ready', 'messages_unacknowledged'] as const;

/** Columns that identify a queue, and the columns with its counts. */
export const keyColumns = ['vhost', 'name', 'type', 'state', ...countColumns] as const;

/** Maximum number of quorum queues whose depths are read over AMQP, because each queue needs a request. */
const mostAsked = 100;

/** Returns the items with the counts from `counted`, a list of the same queues without statistics. */
export function withCounts(items: readonly ApiObject[], counted: readonly ApiObject[]): ApiObject[] {
  const byKey = new Map(counted.map((item) => [keyOf(item), item]));
  return items.map((item) => {
    const now = byKey.get(keyOf(item)) ?? {};
    const counts = countColumns.flatMap((name) => (typeof now[name] === 'number' ? [[name, now[name]]] : []));
    return { ...item, ...Object.fromEntries(counts) };
  });
}

/** Returns the items of `counted` with the other fields from `described`, the same list with statistics. */
export function withStatistics(counted: readonly ApiObject[], described: readonly ApiObject[]): ApiObject[] {
  const byKey = new Map(described.map((item) => [keyOf(item), item]));
  return counted.map((item) => ({ ...byKey.get(keyOf(item)), ...item }));
}

/**
 * Returns the items with exact counts of the quorum queues. `known` contains the types and states of the queues if the
 * items do not.
 */
export async function withExactCounts(
  { depths }: Pick<Call, 'depths'>,
  items: readonly ApiObject[],
  known: readonly ApiObject[] = items,
): Promise<readonly ApiObject[]> {
  // AMQP reports a quorum queue without a leader as empty, so only running queues are read.
  const quorum = known.filter(({ type, state }) => type === 'quorum' && state === 'running');
  if (depths === undefined || quorum.length === 0 || quorum.length > mostAsked) return items;
  const byVhost = Map.groupBy(quorum, ({ vhost }) => String(vhost));
  const exact = new Map<string, { ready: number; consumers: number }>();
  // Vhosts are read one after the other, because each needs a connection.
  for (const [vhost, queues] of byVhost) {
    const names = queues.map(({ name }) => String(name));
    // biome-ignore lint/nursery/useAwaitThenable: the rule does not follow the type of an optional function
    const found = await depths(vhost, names);
    for (const [name, depth] of found) exact.set(keyOf({ vhost, name }), depth);
  }
  return items.map((item) => {
    const depth = exact.get(keyOf(item));
    return depth === undefined ? item : { ...item, ...countsOf(item, depth) };
  });
}

function countsOf(item: ApiObject, { ready, consumers }: { ready: number; consumers: number }): ApiObject {
  const unacked = numberIn(item['messages_unacknowledged']);
  // These are dead letters that their target does not accept yet (messages_dlx), and retries that the queue delays.
  const notReady = Math.max(0, numberIn(item['messages']) - numberIn(item['messages_ready']) - unacked);
  return { messages_ready: ready, messages: ready + unacked + notReady, consumers };
}

/** Returns a key that identifies a queue in all vhosts. */
export function keyOf({ vhost, name }: ApiObject): string {
  return JSON.stringify([vhost, name]);
}
