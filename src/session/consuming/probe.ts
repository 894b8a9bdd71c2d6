// Detects a node that keeps the connection open but delivers nothing. A node that is partitioned from the majority of
// its cluster still answers heartbeats and passive declarations, and does not notify its clients. Only operations that
// need a majority hang (measured on RabbitMQ 4.0 and 4.3). The probe uses basic.get, the only one of them that changes
// nothing on an empty queue. The queue is probably empty, because a consumer that can receive messages has received
// none for a while. If basic.get returns a message, mq handles it as a delivery.

import { MqError } from '../../errors.ts';
import { type Timer, time } from '../../time.ts';
import type { Channel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import type { Counts } from '../counts.ts';
import type { RawMessage } from '../raw-message.ts';
import type { Delivery } from './delivery.ts';

interface ProbeSettings {
  readonly vhost: string;
  /** Returns the queue of the consumer if it can receive another message, otherwise `undefined`. */
  readonly queue: () => string | undefined;
  /** Returns the time of the last delivery, on the monotonic clock. */
  readonly deliveredAt: () => number;
  /** Milliseconds without a delivery before a probe, and between two probes. */
  readonly quietMs: number;
  /** Time limit for an answer in milliseconds. It doubles after each missing answer, up to 16 times the value. */
  readonly answerMs: number;
  /** Called with a message that the probe received. The callee answers the message and closes the channel. */
  readonly onFound: (channel: Channel, raw: RawMessage) => void;
  /**
   * Called when two consecutive probes have received a message, and the consumer none. The broker has then dropped the
   * consumer without notice. The watchdog does not detect this if the queue has other consumers.
   */
  readonly onDropped: () => void;
}

/**
 * After the broker has refused this many consecutive probes, mq stops probing, because the queue does not support
 * basic.get.
 */
const mostClosed = 3;

export class Probe {
  readonly #connection: Pick<BrokerConnection, 'channel' | 'leave'>;
  readonly #settings: ProbeSettings;
  // The timer is not unref'd, because Rascal's reconnect timer does not keep the process alive.
  readonly #timer: Timer;
  #asking: Promise<void> | undefined;
  #isStopped = false;
  #askedAt = 0;
  #answerMs: number;
  #closed = 0;
  /** Time of the last delivery before the last probe, if that probe received a message. */
  #foundAfter: number | undefined;

  constructor(connection: Pick<BrokerConnection, 'channel' | 'leave'>, settings: ProbeSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#answerMs = settings.answerMs;
    this.#timer = time.every(settings.quietMs / 4, () => this.#ask());
  }

  /** Resolves when no probe is on its way. A message that the last one has received is reported before. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer.cancel();
    await this.#asking;
  }

  #ask(): void {
    const { queue, quietMs, deliveredAt } = this.#settings;
    const asked = queue();
    if (this.#asking || asked === undefined || this.#closed >= mostClosed) return;
    const now = time.now();
    if (now - Math.max(deliveredAt(), this.#askedAt) < quietMs) return;
    if (deliveredAt() > this.#askedAt) this.#answerMs = this.#settings.answerMs;
    this.#askedAt = now;
    this.#asking = this.#answer(asked).then(() => {
      this.#asking = undefined;
    });
  }

  /** Resolves when the node has answered, or when no answer can arrive any more. */
  #answer(queue: string): Promise<void> {
    return new Promise((resolve) => {
      let isOver = false;
      const over = () => {
        deadline.cancel();
        isOver = true;
        resolve();
      };
      const deadline = this.#deadline(over);
      const ask = (channel: Channel) => {
        let isRefused = false;
        channel.on('error', () => {
          isRefused = true;
        });
        if (this.#isStopped) over();
        if (isOver) return channel.close(() => undefined);
        channel.once('close', () => {
          if (isOver) return;
          // Without a preceding error the connection was lost, which is not an answer to the probe.
          if (isRefused) this.#closed += 1;
          over();
        });
        channel.get(queue, { noAck: false }, (error, raw) => {
          if (error) return; // 'close' is emitted too
          if (isOver) return giveBack(channel, raw);
          over();
          this.#closed = 0;
          this.#answerMs = this.#settings.answerMs;
          if (raw) this.#found(channel, raw);
          else {
            this.#foundAfter = undefined;
            channel.close(() => undefined);
          }
        });
      };
      // amqplib throws if the channel has closed in the meantime.
      this.#connection.channel(this.#settings.vhost).then(ask).catch(over);
    });
  }

  #found(channel: Channel, raw: RawMessage): void {
    const { deliveredAt, onFound, onDropped } = this.#settings;
    const isSecond = this.#foundAfter === deliveredAt();
    this.#foundAfter = isSecond ? undefined : deliveredAt();
    onFound(channel, raw);
    if (isSecond && !this.#isStopped) onDropped();
  }

  /**
   * Leaves the node if it does not answer in time. If the timer fires late, this process was suspended and could not
   * receive an answer, so the node is not left.
   */
  #deadline(over: () => void): Timer {
    const [begun, answerMs] = [time.now(), this.#answerMs];
    return time.after(answerMs, () => {
      over();
      if (time.now() - begun > 1.5 * answerMs || this.#settings.queue() === undefined) return;
      this.#answerMs = Math.min(2 * answerMs, 16 * this.#settings.answerMs);
      this.#connection.leave(
        new MqError('UNAVAILABLE', `the node has not answered in ${Math.round(answerMs / 1000)} s`),
      );
    });
  }
}

/** Returns a message that arrived late. A quorum queue would count a return by the close of the channel as an attempt. */
function giveBack(channel: Channel, raw: RawMessage | false): void {
  if (raw) channel.nack(raw, false, true);
  channel.close(() => undefined);
}

/**
 * Reports whether basic.get can be used on a queue. RabbitMQ: on a queue with a single active consumer, basic.get would
 * remove messages that wait for the active consumer. A stream does not support basic.get (540, which closes the
 * connection). `declared` contains the arguments of the queue, or `undefined` if they are unknown. `consumer` contains
 * the arguments of the consumer.
 */
export function canBeProbed(declared: Readonly<Record<string, unknown>> | undefined, consumer: unknown): boolean {
  if (!declared || 'x-stream-offset' in Object(consumer)) return false;
  return declared['x-single-active-consumer'] !== true && declared['x-queue-type'] !== 'stream';
}

/**
 * Returns a delivery for a message that the probe received. Its answer is sent on the probe's channel, which is then
 * closed.
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
