// Builds the rows of mq top: queues with their rates, and with their retry and dead-letter queues. Pure.

import type { ApiObject } from '../../../admin/json.ts';
import { type Config, isPrivate, namePrefix } from '../../../config/config.ts';
import { objectOf } from '../../../config/plain.ts';

/** One queue. A count or rate is absent if it is not known yet. */
export interface TopRow {
  readonly vhost: string;
  readonly name: string;
  readonly type: string;
  /** Subscription of rascal.json that receives from the queue. */
  readonly subscription?: string;
  readonly ready?: number;
  readonly unacked?: number;
  /** Messages in the wait queues of the subscription. */
  readonly retry?: number;
  /** Messages in the dead-letter queue of the subscription. */
  readonly dead?: number;
  readonly consumers?: number;
  /** Messages a second that were routed to the queue. */
  readonly in?: number;
  /** Messages a second that consumers acknowledged, or received without acknowledgement. */
  readonly out?: number;
  /** In bytes. */
  readonly memory?: number;
}

/** Key of a queue in all vhosts → name of its subscription. */
export type Subscriptions = ReadonlyMap<string, string>;

/** Columns by which rows can be sorted. */
export const sortColumns = ['ready', 'unacked', 'retry', 'dead', 'consumers', 'in', 'out', 'memory', 'name'] as const;
export type SortColumn = (typeof sortColumns)[number];

/** Returns the subscriptions by queue. `vhostOf` maps the name of a vhost in rascal.json to that on the broker. */
export function subscriptionsOf(config: Config, vhostOf: (name: string) => string): Subscriptions {
  const all = Object.entries(config.subscriptions).flatMap(([subscription, { vhost, queue }]) => {
    const defined = config.vhosts[vhost]?.queues[queue];
    if (defined === undefined || isPrivate(defined)) return [];
    return [[keyOf(vhostOf(vhost), namePrefix(config.vhosts[vhost]) + queue), subscription] as const];
  });
  return new Map(all);
}

/** Sums of messages by queue: those that wait for a retry, and dead letters. */
interface Folded {
  retry: number;
  dead: number;
}

/**
 * Returns a row for each queue. The wait queues and the dead-letter queue of a subscription have no row of their own,
 * because the row of its queue contains their messages.
 */
export function rowsOf(
  items: readonly ApiObject[],
  { subscriptions, rates }: { subscriptions: Subscriptions; rates: QueueRates },
): TopRow[] {
  const keys = new Set(items.map(({ vhost, name }) => keyOf(vhost, name)));
  const folded = new Map<string, Folded>();
  const own = items.filter((item) => {
    const [, work, part] = /^(.+)\.(retry\.\d+|dead|offset\.[^.]+)$/s.exec(String(item['name'])) ?? [];
    const key = keyOf(item['vhost'], work);
    if (!subscriptions.has(key) || !keys.has(key)) return true;
    // The message in the queue of an offset is not work.
    if (part?.startsWith('offset.')) return false;
    const sums = folded.get(key) ?? { retry: 0, dead: 0 };
    folded.set(key, sums);
    sums[part === 'dead' ? 'dead' : 'retry'] += numberOf(item['messages']) ?? 0;
    return false;
  });
  return own.map((item) => rowOf(item, { subscriptions, rates, folded }));
}

function rowOf(
  item: ApiObject,
  { subscriptions, rates, folded }: { subscriptions: Subscriptions; rates: QueueRates; folded: Map<string, Folded> },
): TopRow {
  const key = keyOf(item['vhost'], item['name']);
  const subscription = subscriptions.get(key);
  const fields = {
    subscription,
    ready: numberOf(item['messages_ready']),
    unacked: numberOf(item['messages_unacknowledged']),
    ...(subscription !== undefined && { retry: 0, dead: 0 }),
    ...folded.get(key),
    consumers: numberOf(item['consumers']),
    ...rates.of(key),
    memory: numberOf(item['memory']),
  };
  return {
    ...{ vhost: String(item['vhost']), name: String(item['name']), type: String(item['type'] ?? 'classic') },
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
  };
}

/** Returns the rows in descending order of a number, or in ascending order of names. */
export function sortedRows(rows: readonly TopRow[], by: SortColumn): TopRow[] {
  const byName = (one: TopRow, other: TopRow) => compare(one.name, other.name) || compare(one.vhost, other.vhost);
  if (by === 'name') return rows.toSorted(byName);
  return rows.toSorted((one, other) => (other[by] ?? -1) - (one[by] ?? -1) || byName(one, other));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Counters of a queue since it was declared. */
interface Counters {
  readonly in: number;
  readonly out: number;
}

interface CounterSample {
  readonly atMs: number;
  readonly counters: ReadonlyMap<string, Counters>;
}

/** RabbitMQ updates its counters every 5 s, so a rate over a shorter time would alternate between 0 and too much. */
const windowMs = 10_000;

/** Computes rates as the difference of two samples that are at most ten seconds apart, or one interval if it is longer. */
export class QueueRates {
  #samples: readonly CounterSample[] = [];

  add(items: readonly ApiObject[], atMs: number): void {
    const counters = new Map(items.map((item) => [keyOf(item['vhost'], item['name']), countersOf(item)]));
    const kept = this.#samples.filter((sample, index, all) => {
      const isLast = index === all.length - 1;
      return isLast || atMs - sample.atMs <= windowMs;
    });
    this.#samples = [...kept, { atMs, counters }];
  }

  /** Returns no rates before the second sample with the queue, and after its counters were reset. */
  of(key: string): { readonly in?: number; readonly out?: number } {
    const [first, last] = [this.#samples.find(({ counters }) => counters.has(key)), this.#samples.at(-1)];
    const [before, now] = [first?.counters.get(key), last?.counters.get(key)];
    if (first === undefined || last === undefined || before === undefined || now === undefined) return {};
    const seconds = (last.atMs - first.atMs) / 1000;
    if (seconds <= 0 || now.in < before.in || now.out < before.out) return {};
    const rate = (count: number) => Math.round((count / seconds) * 10) / 10;
    return { in: rate(now.in - before.in), out: rate(now.out - before.out) };
  }
}

/** RabbitMQ reports no counter before the first message. */
function countersOf(item: ApiObject): Counters {
  const stats = objectOf(item['message_stats']);
  const sum = (...names: readonly string[]) => names.reduce((total, name) => total + (numberOf(stats[name]) ?? 0), 0);
  return { in: sum('publish'), out: sum('ack', 'deliver_no_ack', 'get_no_ack') };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function keyOf(vhost: unknown, name: unknown): string {
  return JSON.stringify([vhost, name]);
}
