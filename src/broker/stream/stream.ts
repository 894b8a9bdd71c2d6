// A stream: an append-only log that each consumer reads on its own (https://www.rabbitmq.com/docs/streams). Messages stay
// after they are acknowledged, until a limit of the stream deletes the oldest segment.

import { countDelivery } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Consumer } from '../queue/consumers.ts';
import { QueueEntry } from '../queue/entry.ts';
import { ExpiryTimer } from '../queue/expiry-timer.ts';
import type { QueueHost } from '../queue/host.ts';
import { Message } from '../queue/message.ts';
import type { AppliedPolicy } from '../queue/policies.ts';
import { Queue, type QueueTotals } from '../queue/queue.ts';
import { Returned } from '../queue/ready.ts';
import type { QueueParts, QueueSettings } from '../queue/settings.ts';
import type { Work } from '../slices.ts';
import type { StreamLog, StreamRecord } from '../store/stream-log.ts';
import { streamedMessage } from './delivery.ts';
import { filterOf } from './filter.ts';
import { MemoryLog } from './memory-log.ts';
import { StreamReader } from './reader.ts';
import { startOf } from './start.ts';

/** The size of a segment without x-stream-max-segment-size-bytes, and the largest size of one. RabbitMQ: 500 MB. */
const largestSegmentBytes = 16 * 1024 * 1024;

/** The entry of every delivery. To settle it only adds to the credit of the consumer, so that it needs no message. */
const delivered = new QueueEntry(
  new Message({
    exchange: '',
    routingKey: '',
    content: Buffer.alloc(0),
    propertiesLength: 0,
    persistent: false,
    priority: undefined,
    expirationMs: undefined,
  }),
  0,
  undefined,
  undefined,
);

export class Stream extends Queue {
  override readonly hasOwnLog: boolean;
  /** The name of the folder of the stream in the store. */
  readonly logFolder: string;
  readonly #host: QueueHost<Queue>;
  readonly #log: StreamLog<Message>;
  readonly #readers = new Map<Consumer, StreamReader>();
  readonly #expiry: ExpiryTimer;
  /** The number of segments after the limits were enforced last. */
  #segmentCount = 1;

  constructor(parts: QueueParts, logFolder: string, host: QueueHost<Queue>) {
    super(parts);
    this.#host = host;
    this.#expiry = new ExpiryTimer(host.clock, () => this.enforceLimits());
    this.logFolder = logFolder;
    this.hasOwnLog = host.store !== undefined;
    const options = { segmentBytes: segmentBytesOf(parts.settings), onAppended: () => this.#onAppended() };
    this.#log = host.store?.openStream(logFolder, options) ?? new MemoryLog(host, options);
  }

  override get readyCount(): number {
    return this.#log.endOffset - this.#log.firstOffset;
  }

  /** RabbitMQ: queue.declare does not count the consumers of a stream. */
  override get consumerCount(): number {
    return 0;
  }

  override get undelivered(): number {
    return Math.max(0, ...Array.from(this.#readers.values(), ({ backlog }) => backlog));
  }

  override get heldBackCount(): number {
    return 0;
  }

  override get totals(): QueueTotals {
    const { bytes } = this.#log;
    return { bytes, readyBytes: bytes, persistent: this.readyCount, persistentBytes: bytes };
  }

  get segmentCount(): number {
    return this.#log.segmentCount;
  }

  override apply(policy: AppliedPolicy, settings: QueueSettings): void {
    this.policy = policy;
    this.settings = settings;
    this.#log.segmentBytes = segmentBytesOf(settings);
    this.enforceLimits();
  }

  override persists(): boolean {
    return false;
  }

  override accepts(): boolean {
    return true;
  }

  override expiryOf(): undefined {
    return undefined;
  }

  override publish(message: Message): void {
    this.counters.publish++;
    this.#log.append(message, this.#host.clock.date());
  }

  /** RabbitMQ: a stream deletes whole segments, and keeps the newest one. */
  override enforceLimits(): void {
    const { maxLengthBytes = Infinity, maxAgeMs = Infinity } = this.settings;
    const { clock } = this.#host;
    this.#log.trim({ maxBytes: maxLengthBytes, before: clock.date() - maxAgeMs });
    const { oldestTime } = this.#log;
    const leftMs = oldestTime === undefined ? Infinity : oldestTime + maxAgeMs - clock.date();
    this.#expiry.arm(clock.now() + leftMs + 1);
    this.#segmentCount = this.#log.segmentCount;
  }

  override dispatch(): void {
    for (const reader of this.#readers.values()) this.#run(reader);
  }

  override rejoin(consumer: Consumer): boolean {
    return this.#readers.has(consumer) && consumer.isReady();
  }

  override wake(consumer: Consumer): void {
    const reader = this.#readers.get(consumer);
    if (reader !== undefined) this.#run(reader);
  }

  override get(): never {
    throw new ProtocolError('NOT_IMPLEMENTED', `basic.get not supported by stream queues ${this.what}`);
  }

  override withDeliveryCount({ message }: QueueEntry): Message {
    return message;
  }

  override ack(): void {
    this.counters.ack++;
    this.#host.counters.ack++;
  }

  override reject(): void {}

  override requeue(): void {}

  // biome-ignore lint/correctness/useYield: there is nothing to do, because messages do not leave a stream.
  override *returned(): Work<Returned> {
    return new Returned();
  }

  override putBack(): void {}

  override addConsumer(consumer: Consumer): void {
    const { what } = this;
    if (!consumer.hasPrefetch) {
      throw new ProtocolError('PRECONDITION_FAILED', `consumer prefetch count is not set for stream ${what}`);
    }
    if (consumer.noAck) {
      throw new ProtocolError('NOT_IMPLEMENTED', `automatic acknowledgement not supported by stream ${what}`);
    }
    const log = this.#log;
    const { arguments: all } = consumer;
    const start = startOf(all, { what, log, now: this.#host.clock.date() });
    const onReadable = () => this.wake(consumer);
    const reader = new StreamReader({ consumer, log, start, filter: filterOf(all, what), onReadable });
    this.#readers.set(consumer, reader);
    this.consumers.all.add(consumer);
  }

  override removeConsumer(consumer: Consumer): void {
    this.consumers.remove(consumer);
    this.#readers.get(consumer)?.close();
    this.#readers.delete(consumer);
  }

  override touch(): void {}

  override purge(): never {
    throw new ProtocolError('NOT_IMPLEMENTED', `queue.purge not supported by stream queues ${this.what}`);
  }

  /** Cancels the consumers and deletes all messages, as if the stream was deleted and declared again. */
  override reset(): void {
    this.#cancelConsumers();
    this.#log.delete();
  }

  override delete(): void {
    this.isDeleted = true;
    this.stop();
    this.reset();
  }

  override stop(): void {
    this.#expiry.stop();
  }

  #cancelConsumers(): void {
    for (const consumer of [...this.consumers.all]) {
      this.removeConsumer(consumer);
      consumer.cancelled();
    }
  }

  #onAppended(): void {
    if (this.#log.segmentCount !== this.#segmentCount) this.enforceLimits();
    this.dispatch();
  }

  /** Delivers messages to one consumer, in slices. */
  #run(reader: StreamReader): void {
    if (reader.isRunning) return;
    reader.isRunning = true;
    this.#host.slices.run(this.#work(reader), () => {
      reader.isRunning = false;
    });
  }

  *#work(reader: StreamReader): Work {
    try {
      yield* reader.deliverAll((record) => this.#deliver(reader, record));
    } catch (error) {
      this.#host.log(`${this.what} cannot be read: ${error instanceof Error ? error.message : error}`);
      reader.consumer.failed(error);
    }
  }

  #deliver({ consumer }: StreamReader, record: StreamRecord): void {
    countDelivery(this.counters, 'deliver', false);
    countDelivery(this.#host.counters, 'deliver', false);
    consumer.deliver(streamedMessage(record), false, delivered);
  }
}

function segmentBytesOf({ maxSegmentBytes = largestSegmentBytes }: QueueSettings): number {
  return Math.min(maxSegmentBytes, largestSegmentBytes);
}
