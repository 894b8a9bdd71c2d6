// Counters as the API shows them, each with its rate. All are sampled every five seconds, as RabbitMQ does, so that a rate
// does not depend on how often or by how many clients it is read.

import type { Timer } from '../clock.ts';
import type { Connection } from '../connection/connection.ts';
import type { Queue } from '../queue/queue.ts';
import type { Broker } from '../server.ts';

export type Counts = Readonly<Record<string, number>>;

interface Sample {
  readonly counts: Counts;
  readonly rates: Counts;
  /** When a sample last differed from the one before it. */
  readonly changedAt: number;
}

export const sampleMs = 5000;

export const queueCounts = ({ ready, unackedCount }: Queue) => ({
  messages: ready.length + unackedCount,
  messages_ready: ready.length,
  messages_unacknowledged: unackedCount,
});

export const connectionCounts = ({ details }: Connection) => ({
  recv_oct: details.bytesReceived,
  send_oct: details.bytesSent,
});

/** Returns the sums of the counters of several objects, and an empty object without any. */
export function totalOf<K extends string>(all: readonly Readonly<Record<K, number>>[]): Record<K, number> {
  const total = {} as Record<K, number>;
  for (const counts of all) {
    for (const name of Object.keys(counts) as K[]) total[name] = (total[name] ?? 0) + counts[name];
  }
  return total;
}

export class Rates {
  readonly #broker: Broker;
  readonly #samples = new WeakMap<object, Sample>();
  /** Of queues with consumers: how often a sample found no message waiting, lately. */
  readonly #capacities = new WeakMap<Queue, number>();
  #timer: Timer | undefined;
  #secondsSince = 0;

  constructor(broker: Broker) {
    this.#broker = broker;
    this.#sampleAll();
    this.#secondsSince = sampleMs / 1000;
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** `{ publish: 5, publish_details: { rate: 0.5 } }`: counters of one object, or of several together. */
  details<K extends string>(
    of: object | readonly object[],
    counts: Readonly<Record<K, number>>,
  ): Record<string, unknown> {
    const samples = (Array.isArray(of) ? of : [of]).map((each: object) => this.#samples.get(each)?.rates);
    return Object.fromEntries(
      Object.entries<number>(counts).flatMap(([name, count]): [string, unknown][] => [
        [name, count],
        [`${name}_details`, { rate: samples.reduce((sum, rates) => sum + (rates?.[name] ?? 0), 0) }],
      ]),
    );
  }

  /** `message_stats`, if there is anything to count yet. */
  messageStats(of: object | readonly object[], counters: Counts): { message_stats?: Record<string, unknown> } {
    if (Object.values(counters).every((count) => count === 0)) return {};
    return { message_stats: this.details(of, counters) };
  }

  /** RabbitMQ: since when nothing happened; missing while something does. */
  idleSince(of: object): { idle_since?: string } {
    const sample = this.#samples.get(of);
    const { clock } = this.#broker;
    const idleMs = sample === undefined ? 0 : clock.now() - sample.changedAt;
    if (idleMs < sampleMs) return {};
    return { idle_since: new Date(clock.date() - idleMs).toISOString().replace('Z', '+00:00') };
  }

  /** The part of the time, from 0 to 1, in which the consumers could take a message at once. */
  capacityOf(queue: Queue): number {
    if (queue.consumers.count === 0) return 0;
    return this.#capacities.get(queue) ?? (queue.ready.length === 0 ? 1 : 0);
  }

  #arm(): void {
    this.#timer = this.#broker.clock.after(sampleMs, () => {
      this.#sampleAll();
      this.#arm();
    });
  }

  #sampleAll(): void {
    const { vhosts, connections, churn } = this.#broker;
    this.#sample(churn, churn);
    for (const vhost of vhosts.values()) {
      this.#sample(vhost, vhost.counters);
      for (const exchange of vhost.exchanges.values()) this.#sample(exchange, exchange.counters);
      for (const queue of vhost.queues.values()) {
        this.#sample(queue, { ...queueCounts(queue), ...queue.counters });
        if (queue.consumers.count === 0) continue;
        const isFree = queue.ready.length === 0 ? 1 : 0;
        this.#capacities.set(queue, ((this.#capacities.get(queue) ?? isFree) + isFree) / 2);
      }
    }
    for (const connection of connections) {
      this.#sample(connection, connectionCounts(connection));
      for (const channel of connection.channels.values()) this.#sample(channel, channel.counters);
    }
  }

  /** An object that is new since the last sample started with zero; what was there before the first sample has no rate. */
  #sample(of: object, now: Counts): void {
    const last = this.#samples.get(of);
    const differences = Object.entries(now).map(([name, count]) => [name, count - (last?.counts[name] ?? 0)] as const);
    const hasChanged = last === undefined || differences.some(([, difference]) => difference !== 0);
    this.#samples.set(of, {
      counts: { ...now },
      rates: Object.fromEntries(
        differences.map(([name, difference]) => [name, this.#secondsSince === 0 ? 0 : difference / this.#secondsSince]),
      ),
      changedAt: hasChanged ? this.#broker.clock.now() : last.changedAt,
    });
  }
}
