// Finds a node that keeps the connection and can do nothing for it: one that is cut off from the majority of its cluster
// says nothing to its clients, answers heartbeats and looks at its queues, and delivers nothing. RabbitMQ (4.0 and 4.3,
// measured): only what a majority has to agree on hangs there, and of that basic.get alone changes nothing where the
// queue is empty, which it is if a consumer with room has got nothing for a while, unless the queue holds messages back
// from it. What it does find is a delivery.

import type { Channel, RawMessage } from 'amqplib/callback_api';
import { MqError } from '../errors.ts';
import type { Delivery } from './consumer.ts';
import type { Counts } from './counts.ts';
import type { Link } from './link.ts';

export interface ProbeSettings {
  readonly vhost: string;
  /** The queue that is consumed now, by a consumer that could take one more; undefined while there is none. */
  readonly queue: () => string | undefined;
  /** When something was delivered last, by the monotonic clock. */
  readonly deliveredAt: () => number;
  /** Milliseconds: without a delivery until it asks, and from one question to the next. */
  readonly quietMs: number;
  /** Milliseconds that an answer may take; doubled each time when none came, up to 16 times of it. */
  readonly answerMs: number;
  /** Answers the message and closes the channel. */
  readonly onFound: (channel: Channel, raw: RawMessage) => void;
}

/** So often in a row the broker may refuse the question by closing its channel: it does not take it. */
const mostClosed = 3;

export class Probe {
  readonly #link: Pick<Link, 'channel' | 'leave'>;
  readonly #settings: ProbeSettings;
  // Not unref'd: Rascal's own timer of the next connection does not keep the process alive.
  readonly #timer: NodeJS.Timeout;
  #isAsking = false;
  #askedAt = 0;
  #answerMs: number;
  #closed = 0;

  constructor(link: Pick<Link, 'channel' | 'leave'>, settings: ProbeSettings) {
    this.#link = link;
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

  /** Resolves with the answer, or when there will be none. */
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
          // Without an error before it the connection went, which says nothing of the question.
          if (isRefused) this.#closed += 1;
          over();
        });
        channel.get(queue, { noAck: false }, (error, raw) => {
          if (error) return; // 'close' comes too
          if (isOver) return channel.close(() => undefined); // what it got goes back
          over();
          this.#closed = 0;
          this.#answerMs = this.#settings.answerMs;
          if (raw) this.#settings.onFound(channel, raw);
          else channel.close(() => undefined);
        });
      };
      // amqplib throws at a channel that has closed meanwhile.
      this.#link.channel(this.#settings.vhost).then(ask).catch(over);
    });
  }

  /** The node is left when its time is up, unless that is noticed late: then this process was not there to hear it. */
  #deadline(over: () => void): NodeJS.Timeout {
    const [begun, answerMs] = [performance.now(), this.#answerMs];
    return setTimeout(() => {
      over();
      if (performance.now() - begun > 1.5 * answerMs || this.#settings.queue() === undefined) return;
      this.#answerMs = Math.min(2 * answerMs, 16 * this.#settings.answerMs);
      this.#link.leave(new MqError('UNAVAILABLE', `the node has not answered in ${Math.round(answerMs / 1000)} s`));
    }, answerMs);
  }
}

/**
 * Whether basic.get can be asked of a queue. RabbitMQ: a queue with a single active consumer holds messages back from the
 * others, which basic.get would take past the active one, out of their order; a stream has none (540, which closes the
 * connection). `declared`: the arguments of the queue; undefined: nobody knows.
 */
export function canBeAsked(declared: Readonly<Record<string, unknown>> | undefined, consumer: unknown): boolean {
  if (!declared || 'x-stream-offset' in Object(consumer)) return false;
  return declared['x-single-active-consumer'] !== true && declared['x-queue-type'] !== 'stream';
}

/** What the probe found, as a delivery: its answer goes out on the channel it came by, which ends with that. */
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
      isGone = true; // amqplib: the channel is closing
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
