// Detects a node that keeps the connection open but cannot serve it. A node that is partitioned from the majority of
// its cluster does not notify its clients. It answers heartbeats and passive declarations but delivers nothing. In
// RabbitMQ 4.0 and 4.3 (measured), only operations that need a majority hang. Of these, only basic.get changes nothing
// if the queue is empty, and it is empty if a consumer with room has received nothing for a while and the queue does
// not hold messages back from it. If basic.get finds a message, that is a delivery.

import { MqError } from '../../errors.ts';
import type { Channel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import type { Counts } from '../counts.ts';
import type { RawMessage } from '../raw-message.ts';
import type { Delivery } from './delivery.ts';

interface ProbeSettings {
  readonly vhost: string;
  /** Returns the queue of a consumer that has room for a message, or `undefined` without one. */
  readonly queue: () => string | undefined;
  /** Returns the time of the last delivery, on the monotonic clock. */
  readonly deliveredAt: () => number;
  /** Milliseconds without a delivery before a probe, and between two probes. */
  readonly quietMs: number;
  /** Time limit for an answer in milliseconds. It doubles after each missing answer, up to 16 times the value. */
  readonly answerMs: number;
  /** Receives a message that the probe found. It answers the message and closes the channel. */
  readonly onFound: (channel: Channel, raw: RawMessage) => void;
}

/** If the broker closes the channel of this many consecutive probes, the queue does not support them. */
const mostClosed = 3;

export class Probe {
  readonly #connection: Pick<BrokerConnection, 'channel' | 'leave'>;
  readonly #settings: ProbeSettings;
  // The timer is not unref'd, because Rascal's reconnect timer does not keep the process alive.
  readonly #timer: NodeJS.Timeout;
  #isAsking = false;
  #askedAt = 0;
  #answerMs: number;
  #closed = 0;

  constructor(connection: Pick<BrokerConnection, 'channel' | 'leave'>, settings: ProbeSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#answerMs = settings.answerMs;
    this.#timer = setInterval(() => void this.#ask(), settings.quietMs / 4);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    const { queue, quietMs, deliveredAt } = this.#settings;
    const asked = queue();
    if (this.#isAsking || asked === undefined || this.#closed >= mostClosed) return;
    const now = performance.now();
    if (now - Math.max(deliveredAt(), this.#askedAt) < quietMs) return;
    if (deliveredAt() > this.#askedAt) this.#answerMs = this.#settings.answerMs;
    this.#askedAt = now;
    this.#isAsking = true;
    await this.#answer(asked);
    this.#isAsking = false;
  }

  /** Resolves when there is an answer, or when there will be none. */
  #answer(queue: string): Promise<void> {
    return new Promise((resolve) => {
      let isOver = false;
      const over = () => {
        clearTimeout(deadline);
        isOver = true;
        resolve();
      };
      const deadline = this.#deadline(over);
      const ask = (channel: Channel) => {
        let isRefused = false;
        channel.on('error', () => {
          isRefused = true;
        });
        if (isOver) return channel.close(() => undefined);
        channel.once('close', () => {
          if (isOver) return;
          // Without a preceding error the connection was lost, which is not an answer to the probe.
          if (isRefused) this.#closed += 1;
          over();
        });
        channel.get(queue, { noAck: false }, (error, raw) => {
          if (error) return; // 'close' is emitted too
          if (isOver) return channel.close(() => undefined); // the message that it returned is requeued
          over();
          this.#closed = 0;
          this.#answerMs = this.#settings.answerMs;
          if (raw) this.#settings.onFound(channel, raw);
          else channel.close(() => undefined);
        });
      };
      // amqplib throws if the channel has closed in the meantime.
      this.#connection.channel(this.#settings.vhost).then(ask).catch(over);
    });
  }

  /**
   * Leaves the node when the time is over. If the timer fires late, this process was suspended and could not receive an
   * answer, so the node is not left.
   */
  #deadline(over: () => void): NodeJS.Timeout {
    const [begun, answerMs] = [performance.now(), this.#answerMs];
    return setTimeout(() => {
      over();
      if (performance.now() - begun > 1.5 * answerMs || this.#settings.queue() === undefined) return;
      this.#answerMs = Math.min(2 * answerMs, 16 * this.#settings.answerMs);
      this.#connection.leave(
        new MqError('UNAVAILABLE', `the node has not answered in ${Math.round(answerMs / 1000)} s`),
      );
    }, answerMs);
  }
}

/**
 * Reports whether basic.get can be used on a queue. RabbitMQ: a queue with a single active consumer holds messages back
 * from the others, and basic.get would take them out of order. A stream does not support basic.get (540, which closes
 * the connection). `declared` contains the arguments of the queue, or `undefined` if they are unknown.
 */
export function canBeProbed(declared: Readonly<Record<string, unknown>> | undefined, consumer: unknown): boolean {
  if (!declared || 'x-stream-offset' in Object(consumer)) return false;
  return declared['x-single-active-consumer'] !== true && declared['x-queue-type'] !== 'stream';
}

/**
 * Returns the message that the probe found as a delivery. Its answer is sent on its own channel, which is then closed.
 */
export function foundDelivery(
  channel: Channel,
  raw: RawMessage,
  { queue, counts }: { queue: string; counts: Counts },
): Delivery {
  let [isGone, isAnswered] = [false, false];
  channel.once('close', () => {
    isGone = true;
  });
  const answer = (send: () => void) => {
    if (isAnswered) return false;
    try {
      if (!isGone) {
        send();
        channel.close(() => undefined);
        isAnswered = true;
        return true;
      }
    } catch {
      isGone = true; // amqplib throws if the channel is closing
    }
    counts.stale += 1;
    return false;
  };
  return {
    raw,
    queue,
    get isStale() {
      return isGone && !isAnswered;
    },
    get isRequeued() {
      return isGone && !isAnswered;
    },
    ack: () => answer(() => channel.ack(raw, false)),
    nack: (requeue) => answer(() => channel.nack(raw, false, requeue)),
    reject: (requeue) => answer(() => channel.reject(raw, requeue)),
  };
}
