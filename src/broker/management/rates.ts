// The counters of the API with their rates. All counters are sampled every five seconds, as in RabbitMQ, so that a rate does
// not depend on the clients that read it.

import type { Timer } from '../clock.ts';
import type { Connection } from '../connection/connection.ts';
import type { Queue } from '../queue/queue.ts';
import type { Broker } from '../server.ts';
import { Slices, type Work } from '../slices.ts';

type Counts = Readonly<Record<string, number>>;

interface Sample {
  readonly counts: Counts;
  readonly rates: Counts;
  /** True if this sample did not differ from the one before it. */
  readonly isIdle: boolean;
  /** The time of the last sample that differed from the one before it, by `Clock.now`. */
  readonly changedAt: number;
}

const sampleMs = 5000;

export const queueCounts = ({ readyCount, unackedCount, heldBackCount }: Queue) => ({
  // RabbitMQ: dead letters whose target has not accepted them and delayed retries count.
  messages: readyCount + unackedCount + heldBackCount,
  messages_ready: readyCount,
  messages_unacknowledged: unackedCount,
});

export const connectionCounts = ({ details }: Connection) => ({
  recv_oct: details.bytesReceived,
  send_oct: details.bytesSent,
});

/** Returns the sums of the counters of several objects. */
export function totalOf(all: readonly Counts[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}

export class Rates {
  readonly #broker: Broker;
  readonly #last = new WeakMap<object, Sample>();
  /** For each queue with consumers, the moving average of the samples in which no message was ready, from 0 to 1. */
  readonly #capacities = new WeakMap<Queue, number>();
  /** A broker may have thousands of queues, so they are not all sampled in one turn of the event loop. */
  readonly #slices = new Slices();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(broker: Broker) {
    this.#broker = broker;
    // The first sample has no rates.
    this.#sampleAll(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Returns the counters of one object, or of several together: `{ publish: 5, publish_details: { rate: 0.5 } }`. */
  details(of: object | readonly object[], counts: Counts): Record<string, unknown> {
    const samples = (Array.isArray(of) ? of : [of]).map((each: object) => this.#last.get(each)?.rates);
    return Object.fromEntries(
      Object.entries(counts).flatMap(([name, count]): [string, unknown][] => [
        [name, count],
        [`${name}_details`, { rate: samples.reduce((sum, rates) => sum + (rates?.[name] ?? 0), 0) }],
      ]),
    );
  }

  /** Returns `message_stats`, or an empty object if all counters are zero. */
  messageStats(of: object | readonly object[], counters: Counts): { message_stats?: Record<string, unknown> } {
    if (Object.values(counters).every((count) => count === 0)) return {};
    return { message_stats: this.details(of, counters) };
  }

  /** Returns the time since which no counter has changed, or an empty object while counters change. */
  idleSince(of: object): { idle_since?: string } {
    const sample = this.#last.get(of);
    const { clock } = this.#broker;
    const idleMs = sample === undefined ? 0 : clock.now() - sample.changedAt;
    if (idleMs < sampleMs) return {};
    return { idle_since: new Date(clock.date() - idleMs).toISOString().replace('Z', '+00:00') };
  }

  /** Returns the part of the time, from 0 to 1, in which consumers could have received a message at once. */
  capacityOf(queue: Queue): number {
    if (queue.consumers.count === 0) return 0;
    return this.#capacities.get(queue) ?? (queue.undelivered === 0 ? 1 : 0);
  }

  #sampleAll(intervalSeconds: number): void {
    this.#slices.run(this.#samples(intervalSeconds), () => {
      if (this.#isStopped) return;
      this.#timer = this.#broker.clock.after(sampleMs, () => this.#sampleAll(sampleMs / 1000));
    });
  }

  *#samples(intervalSeconds: number): Work {
    const { vhosts, connections, churn } = this.#broker;
    const sample = (of: object, now: Counts) => this.#sample(of, now, intervalSeconds);
    sample(churn, churn);
    for (const vhost of vhosts.values()) {
      sample(vhost, vhost.counters);
      for (const exchange of vhost.exchanges.values()) {
        sample(exchange, exchange.counters);
        yield;
      }
      for (const queue of vhost.queues.values()) {
        yield;
        sample(queue, { ...queueCounts(queue), ...queue.counters });
        if (queue.consumers.count === 0) continue;
        const isFree = queue.undelivered === 0 ? 1 : 0;
        this.#capacities.set(queue, ((this.#capacities.get(queue) ?? isFree) + isFree) / 2);
      }
    }
    for (const connection of connections) {
      sample(connection, connectionCounts(connection));
      for (const channel of connection.channels.values()) {
        sample(channel, channel.counters);
        yield;
      }
    }
  }

  /** Samples the counters of an object. The counters of a new object are compared with zero. */
  #sample(of: object, now: Counts, intervalSeconds: number): void {
    const last = this.#last.get(of);
    // A broker may have thousands of idle queues and channels.
    if (last?.isIdle === true && isSame(last.counts, now)) return;
    const differences = Object.entries(now).map(([name, count]) => [name, count - (last?.counts[name] ?? 0)] as const);
    const hasChanged = last === undefined || differences.some(([, difference]) => difference !== 0);
    this.#last.set(of, {
      counts: { ...now },
      rates: Object.fromEntries(
        differences.map(([name, difference]) => [name, intervalSeconds === 0 ? 0 : difference / intervalSeconds]),
      ),
      isIdle: !hasChanged,
      changedAt: hasChanged ? this.#broker.clock.now() : last.changedAt,
    });
  }
}

function isSame(one: Counts, other: Counts): boolean {
  for (const name in other) if (one[name] !== other[name]) return false;
  return true;
}
