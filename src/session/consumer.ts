// Consumes with one channel of Rascal's connection, one consumer, and a bounded number of unacknowledged deliveries. An
// acknowledgement belongs to the channel of its delivery. If that channel is closed, the broker has requeued the
// message, so a late acknowledgement is dropped and counted (AMQP 0-9-1, 1.8.3.13: a delivery tag is local to its
// channel).

import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { MqError } from '../errors.ts';
import type { Channel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import { Acks } from './consuming/acks.ts';
import { endChannel } from './consuming/channel-end.ts';
import { ConsumerDelivery, type Delivery, type Intake } from './consuming/delivery.ts';
import { canBeAsked, foundDelivery, Probe } from './consuming/probe.ts';
import { readyCount } from './consuming/ready-count.ts';
import type { ConsumerSettings } from './consuming/settings.ts';
import { hasMore, offsetOf } from './consuming/stream-end.ts';
import { Unanswered } from './consuming/unanswered.ts';
import { Watchdog } from './consuming/watchdog.ts';
import { failureOf, isInUse, isPermanent } from './failure.ts';
import { promised } from './promised.ts';
import type { RawMessage } from './raw-message.ts';

export type { Delivery } from './consuming/delivery.ts';

export interface ConsumerEvents {
  delivery: [delivery: Delivery];
  /** The broker cancelled the consumer, or its channel closed. It is being set up again. */
  interrupted: [error: MqError];
  /** A channel is open. Deliveries can arrive, including those that were lost with the previous channel. */
  resumed: [];
  /** Another consumer has exclusive access to the queue. This one retries until it is accepted: `active`. */
  standby: [error: MqError];
  active: [];
  /** No more messages can be received. */
  fatal: [error: MqError];
}

/** Milliseconds before a consumer is set up again. They double up to the maximum below. */
const firstPauseMs = 250;
const longestPauseMs = 10_000;
/**
 * Longest pause while another consumer has exclusive access. It is shorter because this consumer must take over soon.
 */
const longestStandbyMs = 5_000;
/**
 * Milliseconds that a queue may be missing after the broker cancelled its consumer, because the client that deletes a
 * queue may declare it again.
 */
const missingMs = 5000;
/** Milliseconds between two checks whether the broker still has the consumer: three heartbeats. */
const watchMs = 30_000;
/** Milliseconds without a delivery after which the node is probed, and for its answer: one heartbeat each. */
const quietMs = 10_000;

export class Consumer extends EventEmitter<ConsumerEvents> {
  readonly #connection: BrokerConnection;
  readonly #settings: ConsumerSettings;
  #channel: Channel | undefined;
  #acks: Acks | undefined;
  #server: Readonly<Record<string, unknown>> = {};
  #consumerTag: string | undefined;
  #isAttached = false;
  #standsBy = false;
  #stopping = false;
  #pause: NodeJS.Timeout | undefined;
  #pauseMs = firstPauseMs;
  #watchdog: Watchdog | undefined;
  #probe: Probe | undefined;
  /** Deliveries of the current channel without an answer. */
  readonly #unanswered = new Unanswered();
  /** Stream offset at which the current channel started, because the previous one was lost. */
  #resumeAt: number | undefined;
  #deliveredAt = 0;
  /** Time when the broker cancelled the consumer. A new consumer resets it. */
  #cancelledAt: number | undefined;

  constructor(connection: BrokerConnection, settings: ConsumerSettings) {
    super();
    this.#connection = connection;
    this.#settings = settings;
    connection.on('fatal', (error) => this.emit('fatal', error));
  }

  /** The broker's current name of the queue. */
  get queue(): string {
    return this.#connection.queueOf(this.#settings.subscription);
  }

  /** `true` if the queue belongs to this connection and gets another name after each lost connection. */
  get hasOwnQueue(): boolean {
    return this.#connection.hasOwnQueue(this.#settings.subscription);
  }

  /** Arguments with which the queue is declared. `undefined` if mq does not declare it. */
  get declaredArguments(): Readonly<Record<string, unknown>> | undefined {
    return this.#connection.declaredArguments(this.#settings.subscription);
  }

  /** The broker's properties from the login. They are set once the consumer has started. */
  get server(): Readonly<Record<string, unknown>> {
    return this.#server;
  }

  /** Resolves when the broker has accepted the consumer. */
  async start(): Promise<void> {
    await this.#begin();
    if (this.#stopping) return;
    const { vhost, watchMs: everyMs = watchMs, options } = this.#settings;
    this.#watchdog = new Watchdog(this.#connection, {
      vhost,
      everyMs,
      queue: () => (this.#isAttached ? this.queue : undefined),
      onDeaf: () => this.#onDeaf(),
    });
    if (!canBeAsked(this.#connection.declaredArguments(this.#settings.subscription), options['arguments'])) return;
    this.#probe = new Probe(this.#connection, {
      vhost,
      quietMs: this.#settings.quietMs ?? quietMs,
      answerMs: this.#settings.quietMs ?? quietMs,
      queue: () => (this.#isAttached && this.#hasRoom ? this.queue : undefined),
      deliveredAt: () => this.#deliveredAt,
      onFound: (channel, raw) => {
        this.#settings.counts.received += 1;
        this.emit('delivery', foundDelivery(channel, raw, { queue: this.queue, counts: this.#settings.counts }));
      },
    });
  }

  /**
   * Returns the number of messages in the queue that were not sent to this consumer. For a stream it is 1 if there are
   * more messages, otherwise 0.
   */
  async ready(): Promise<number | undefined> {
    const channel = this.#channel;
    if (!channel) return undefined;
    if (this.#isStream) return this.#readyInStream();
    return readyCount(channel, this.queue).catch(() => undefined);
  }

  async #readyInStream(): Promise<number | undefined> {
    try {
      const channel = await this.#connection.channel(this.#settings.vhost);
      const { arguments: given } = this.#options;
      return Number(
        await hasMore(channel, { queue: this.queue, arguments: given, received: this.#unanswered.lastOffset }),
      );
    } catch {
      return undefined;
    }
  }

  get #isStream(): boolean {
    const declared = this.#connection.declaredArguments(this.#settings.subscription);
    const given = Object(this.#settings.options['arguments']);
    return (
      this.#unanswered.lastOffset !== undefined || declared?.['x-queue-type'] === 'stream' || 'x-stream-offset' in given
    );
  }

  /**
   * Returns the offset of a message in a stream. A publisher can also write this header, so it counts only if the queue
   * can be a stream. A stream never sets `redelivered`.
   */
  #offsetOf(raw: RawMessage): number | undefined {
    const offset = offsetOf(raw);
    if (offset === undefined) return undefined;
    const declared = this.declaredArguments;
    const isStream = declared ? declared['x-queue-type'] === 'stream' : !raw.fields.redelivered;
    return isStream ? offset : undefined;
  }

  /** Returns the options of basic.consume. A stream is read from the position at which the last channel was lost. */
  get #options(): Readonly<Record<string, unknown>> {
    const { options } = this.#settings;
    if (this.#resumeAt === undefined) return options;
    return { ...options, arguments: { ...Object(options['arguments']), 'x-stream-offset': this.#resumeAt } };
  }

  /** Resolves when the broker has received all acknowledgements sent so far, or when the channel is closed. */
  async flush(): Promise<void> {
    if (this.#channel) await this.#acks?.flush(this.#settings.prefetch);
  }

  /** Stops receiving messages. Delivered messages can still be acknowledged. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#attach(false);
    clearTimeout(this.#pause);
    this.#watchdog?.stop();
    this.#probe?.stop();
    const [channel, tag] = [this.#channel, this.#consumerTag];
    if (!channel || tag === undefined) return;
    await new Promise<void>((resolve) => {
      channel.once('close', () => resolve());
      try {
        channel.cancel(tag, () => resolve());
      } catch {
        resolve(); // the channel closed by itself
      }
    });
  }

  /** Starts the consumer: once at each address, and twice at a single one, if a node does not answer or is lost. */
  async #begin(): Promise<void> {
    const ended = Promise.withResolvers<never>();
    let [lost, isEnded] = [0, false];
    const count = () => {
      lost += 1;
    };
    const end = (error: MqError) => {
      isEnded = true;
      ended.reject(error);
    };
    ended.promise.catch(() => undefined); // every waiting caller receives it
    this.#connection.on('lost', count).once('fatal', end);
    try {
      for (;;) {
        try {
          return await Promise.race([this.#consume(), ended.promise]);
        } catch (error) {
          const failure = failureOf(error, this.#settings.redact);
          if (isPermanent(failure) || isEnded || this.#stopping) throw failure;
          this.#noticeStandby(failure);
          if (this.#standsBy) {
            await delay(this.#nextPauseMs(), undefined, { ref: false });
            if (this.#stopping) return;
            continue;
          }
          // The loss of the connection is reported after the channel has closed.
          await delay(firstPauseMs);
          if (lost === 0 || lost > Math.max(1, this.#connection.addresses - 1) || this.#stopping) throw failure;
        }
      }
    } finally {
      this.#connection.off('lost', count).off('fatal', end);
    }
  }

  get #hasRoom(): boolean {
    const { prefetch, options } = this.#settings;
    return prefetch === 0 || options['noAck'] === true || this.#unanswered.size < prefetch;
  }

  async #consume(): Promise<void> {
    const channel = await this.#connection.channel(this.#settings.vhost);
    if (this.#stopping) return endChannel(channel);
    this.#server = channel.connection?.serverProperties ?? {};
    let cause: Error | undefined;
    channel.on('error', (error: Error) => {
      cause = error;
    });
    let isClosed = false;
    channel.once('close', () => {
      isClosed = true;
    });
    const { prefetch, options } = this.#settings;
    const { queue } = this;
    const isKept = options['noAck'] !== true && !this.#connection.isTransient(this.#settings.subscription);
    const acks = new Acks(channel);
    const intake: Intake = {
      channel,
      acks,
      queue,
      isKept,
      isCurrent: () => this.#channel === channel,
      answer: (raw, send) => this.#answer(channel, raw, send),
    };
    const onMessage = (raw: RawMessage | null) => {
      if (raw) {
        this.#settings.counts.received += 1;
        this.#deliveredAt = performance.now();
        this.#unanswered.add(raw, this.#offsetOf(raw));
        this.emit('delivery', new ConsumerDelivery(intake, raw));
      } else this.#onCancel(channel);
    };
    if (prefetch > 0) await promised((next) => channel.prefetch(prefetch, false, next));
    if (this.#stopping) return endChannel(channel);
    this.#unanswered.clear();
    this.#deliveredAt = performance.now();
    // These are set before the first delivery, which may arrive in the same packet as consume-ok.
    this.#channel = channel;
    this.#acks = acks;
    this.emit('resumed');
    try {
      const consuming = promised<{ consumerTag: string }>((next) =>
        channel.consume(queue, onMessage, this.#options, next),
      );
      const { consumerTag } = await this.#connection.answered('a consumer', consuming);
      if (this.#stopping) {
        // Messages that were delivered with the answer are requeued with the channel.
        this.#channel = undefined;
        return endChannel(channel);
      }
      this.#consumerTag = consumerTag;
      this.#attach(true);
    } catch (error) {
      this.#channel = undefined;
      throw error;
    }
    this.#pauseMs = firstPauseMs;
    this.#cancelledAt = undefined;
    if (this.#standsBy) this.emit('active');
    this.#standsBy = false;
    const onClose = () => this.#onGone(channel, cause ?? new Error('Channel closed'));
    // The close may arrive in the same packet as consume-ok. It has already been emitted then.
    if (isClosed) onClose();
    else channel.once('close', onClose);
  }

  /**
   * Handles basic.cancel. RabbitMQ cancels a consumer whose queue was deleted or moved; 4.3 also cancels one that holds
   * a message for too long.
   */
  #onCancel(channel: Channel): void {
    if (this.#channel !== channel) return;
    this.#cancelledAt = performance.now();
    this.#onGone(channel, this.#unanswered.cancelled());
    endChannel(channel);
  }

  #onDeaf(): void {
    const channel = this.#channel;
    if (!channel) return;
    this.#onGone(channel, new MqError('UNAVAILABLE', 'the broker has no consumer on the queue any more'));
    endChannel(channel);
  }

  #onGone(channel: Channel, cause: Error): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.#consumerTag = undefined;
    this.#attach(false);
    this.#resumeAt = this.#unanswered.resumeAt ?? this.#resumeAt;
    if (this.#stopping) return;
    const failure = failureOf(cause, this.#settings.redact);
    if (isPermanent(failure)) this.emit('fatal', failure);
    else {
      this.emit('interrupted', failure);
      this.#again();
    }
  }

  #again(): void {
    this.#pause = setTimeout(() => {
      this.#consume().catch((error: unknown) => {
        if (this.#stopping) return;
        const failure = failureOf(error, this.#settings.redact);
        this.#noticeStandby(failure);
        if (isPermanent(failure) && !this.#mayComeBack(failure)) this.emit('fatal', failure);
        else this.#again();
      });
    }, this.#nextPauseMs());
  }

  #nextPauseMs(): number {
    const pauseMs = this.#pauseMs * Math.random();
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#standsBy ? longestStandbyMs : longestPauseMs);
    return pauseMs;
  }

  #noticeStandby(failure: MqError): void {
    if (this.#standsBy || !isInUse(failure)) return;
    this.#standsBy = true;
    this.emit('standby', failure);
  }

  /** Reports whether the queue may exist again soon. RabbitMQ: 404 for a deleted queue. */
  #mayComeBack({ cause }: MqError): boolean {
    const isMissing = cause instanceof Error && cause.message.includes('NOT_FOUND');
    return isMissing && this.#cancelledAt !== undefined && performance.now() - this.#cancelledAt < missingMs;
  }

  #attach(isAttached: boolean): void {
    this.#settings.counts.consumers += Number(isAttached) - Number(this.#isAttached);
    this.#isAttached = isAttached;
  }

  /** Answers a delivery with `send`, unless its channel is closed. Returns `false` if the answer was dropped. */
  #answer(from: Channel, raw: RawMessage, send: () => void): boolean {
    if (this.#settings.options['noAck'] === true) return true;
    try {
      if (this.#channel === from) {
        this.#unanswered.delete(raw);
        send();
        return true;
      }
    } catch {
      // amqplib throws if the channel is closing.
    }
    this.#settings.counts.stale += 1;
    return false;
  }
}
