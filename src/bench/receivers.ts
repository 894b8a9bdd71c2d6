// Receives the messages of the benchmark with the consumers of mq, and answers its requests.

import { MqError } from '../errors.ts';
import type { Consumer, Delivery } from '../session/consumer.ts';
import type { Publisher } from '../session/publisher.ts';
import { pause, time } from '../time.ts';
import { Arrivals } from './arrivals.ts';
import { type Mark, markOf } from './body.ts';
import type { Recorder } from './recorder.ts';

/** Milliseconds between two checks whether the queues are empty. */
const checkMs = 100;
/** Milliseconds without an arrival from an empty queue after which the missing messages are lost. */
const quietMs = 1_000;

interface ReceiverParts {
  /** Id of the run. */
  readonly run: Buffer;
  readonly producers: number;
  readonly recorder: Recorder;
  /** `true` if messages that the benchmark has not written are acknowledged, too. */
  readonly acceptsAll: boolean;
  /** Maximum number of messages that are acknowledged. The broker gets the others back. */
  readonly most: number;
  /** `true` if the messages have waited in the queue, so that they have no latency. */
  readonly hasNoLatency: boolean;
  /** Called with the error that ends the run. */
  readonly fail: (error: MqError) => void;
  /** Called with the error for a message that the benchmark has not written. */
  readonly onForeign: (error: MqError) => void;
}

export class Receivers {
  readonly arrivals: readonly Arrivals[];
  readonly #parts: ReceiverParts;
  readonly #consumers: Consumer[] = [];
  /** Deliveries that are returned when the consumers have stopped. Their number is limited by the prefetch. */
  #kept: Delivery[] = [];
  #received = 0;
  #lastMs = time.now();

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.arrivals = Array.from({ length: parts.producers }, () => new Arrivals());
  }

  /** `true` if a message must be returned to its queue. */
  get hasKept(): boolean {
    return this.#kept.length > 0;
  }

  /** Number of different messages that have arrived. */
  get unique(): number {
    return this.arrivals.reduce((sum, { unique }) => sum + unique, 0);
  }

  get received(): number {
    return this.#received;
  }

  /** Starts a consumer whose messages are counted. */
  async start(consumer: Consumer): Promise<void> {
    this.#consumers.push(consumer);
    consumer.on('fatal', (error) => this.#parts.fail(error));
    consumer.on('interrupted', () => {
      this.#kept = this.#kept.filter(({ isStale }) => !isStale);
    });
    consumer.on('delivery', (delivery) => this.#receive(delivery));
    await consumer.start();
  }

  /** Resolves when `expected` different messages have arrived, or when no more can be expected. */
  async drained(expected: () => number, { limitMs, stop }: { limitMs: number; stop: AbortSignal }): Promise<void> {
    let emptySince: number | undefined;
    this.#lastMs = Math.max(this.#lastMs, time.now());
    while (this.unique < expected() && !stop.aborted && time.now() - this.#lastMs < limitMs) {
      const { received } = this;
      const ready = await Promise.all(this.#consumers.map((consumer) => consumer.ready()));
      const isEmpty = ready.every((count) => count === 0) && received === this.received;
      if (!isEmpty) emptySince = undefined;
      else emptySince ??= time.now();
      if (emptySince !== undefined && time.now() - emptySince > quietMs) return;
      await pause(checkMs, { signal: stop });
    }
  }

  /**
   * Stops the consumers, returns the messages that are not acknowledged, and sends all answers. Never rejects.
   * RabbitMQ 4.3: a quorum queue counts a return by the close of a channel, but not a return by nack.
   */
  async stop(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    for (const delivery of this.#kept) delivery.nack(true);
    this.#kept = [];
    await Promise.all(this.#consumers.map((consumer) => consumer.flush()));
  }

  #receive(delivery: Delivery): void {
    const { run, recorder, acceptsAll, most, onForeign, hasNoLatency } = this.#parts;
    const mark = markOf(run, delivery.raw.content);
    // The message is returned at the end. A nack would deliver it again at once, until the broker drops it at its
    // delivery limit.
    if (mark === undefined && !acceptsAll) onForeign(foreignMessage(delivery.queue));
    if ((mark === undefined && !acceptsAll) || this.#received >= most) {
      this.#kept.push(delivery);
      return;
    }
    this.#received += 1;
    this.#lastMs = time.now();
    if (mark === undefined || hasNoLatency) recorder.consumed();
    if (mark !== undefined) this.#count(mark);
    delivery.ack();
  }

  #count({ producer, number, intendedMs }: Mark): void {
    const { recorder, hasNoLatency } = this.#parts;
    const isFirst = this.arrivals[producer]?.add(number);
    if (isFirst === false) recorder.duplicate();
    else if (!hasNoLatency) recorder.received(intendedMs);
  }
}

function foreignMessage(queue: string): MqError {
  return new MqError('IN_USE', `the queue '${queue}' contains a message that the benchmark has not written`, {
    hint: 'the message is still in the queue; without a name, mq bench uses a queue of its own',
  });
}

interface ServerParts {
  readonly publisher: Publisher;
  readonly fail: (error: MqError) => void;
}

/** Starts a consumer that answers each request with its body. */
export async function startServer(consumer: Consumer, { publisher, fail }: ServerParts): Promise<void> {
  let number = 0;
  consumer.on('fatal', fail);
  // Otherwise each request would be returned and delivered again without a pause.
  void publisher.failed.then(fail);
  consumer.on('delivery', (delivery) => {
    const { content, properties } = delivery.raw;
    number += 1;
    const message = {
      exchange: '',
      routingKey: properties.replyTo ?? '',
      body: content,
      mandatory: false, // RabbitMQ: direct reply-to returns a mandatory reply as unroutable
      properties: {
        messageId: String(number),
        deliveryMode: 1,
        ...(properties.correlationId !== undefined && { correlationId: properties.correlationId }),
      },
    };
    void publisher.publish(message).then(({ type }) => {
      if (type === 'confirmed') delivery.ack();
      else delivery.nack(true);
    });
  });
  await consumer.start();
}
