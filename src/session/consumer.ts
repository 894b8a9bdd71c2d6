// Consumes a queue with one channel and one consumer at a time, and a bounded number of unacknowledged deliveries. If
// the channel is lost or the broker cancels the consumer, a new one is set up.

import { EventEmitter } from 'node:events';
import { MqError } from '../errors.ts';
import { pause, type Timer, time } from '../time.ts';
import { queueTypeOf } from './browsing/stream-probe.ts';
import type { Channel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import type { SubscriptionQueue } from './connecting/subscription-queue.ts';
import { Backoff } from './consuming/backoff.ts';
import { endChannel } from './consuming/channel-end.ts';
import { ConsumerChannel } from './consuming/consumer-channel.ts';
import type { Delivery } from './consuming/delivery.ts';
import { canBeProbed, foundDelivery, Probe } from './consuming/probe.ts';
import { readyCount } from './consuming/ready-count.ts';
import type { ConsumerSettings } from './consuming/settings.ts';
import { type KeptOffset, StreamReading } from './consuming/stream-reading.ts';
import { Watchdog } from './consuming/watchdog.ts';
import { failureOf, hasNoReplica, isInUse, isPermanent } from './failure.ts';

export type { Delivery } from './consuming/delivery.ts';

interface ConsumerEvents {
  delivery: [delivery: Delivery];
  /** The broker cancelled the consumer, or its channel closed. It is being set up again. */
  interrupted: [error: MqError];
  /** A channel is open. Deliveries can arrive, including those that were lost with the previous channel. */
  resumed: [];
  /** The broker has accepted the consumer, at the start or after `interrupted`. */
  accepted: [];
  /**
   * Another consumer has exclusive access to the queue. This one retries until the broker accepts it, and then emits
   * `active`.
   */
  standby: [error: MqError];
  active: [];
  /** No more messages can be received. */
  fatal: [error: MqError];
}

/** The loss of the connection is reported up to this many milliseconds after the channel has closed. */
const lossMs = 250;
/**
 * Milliseconds that a queue may be missing after the broker cancelled its consumer, because the client that deletes a
 * queue may declare it again.
 */
const missingMs = 5000;
/** Milliseconds between two checks whether the broker still has the consumer: three heartbeats. */
const watchMs = 30_000;
/**
 * Milliseconds without a delivery after which the node is probed, and time limit for its answer: one heartbeat each.
 */
const quietMs = 10_000;

export class Consumer extends EventEmitter<ConsumerEvents> {
  readonly #connection: BrokerConnection;
  readonly #settings: ConsumerSettings;
  readonly #queue: SubscriptionQueue;
  readonly #backoff = new Backoff();
  readonly #stopped = new AbortController();
  #current: ConsumerChannel | undefined;
  #server: Readonly<Record<string, unknown>> = {};
  #isAttached = false;
  #isStandby = false;
  #isStopping = false;
  #pause: Timer | undefined;
  #watchdog: Watchdog | undefined;
  #probe: Probe | undefined;
  readonly #stream: StreamReading;
  /** Time when the broker cancelled the consumer. A new consumer resets it. */
  #cancelledAt: number | undefined;

  constructor(connection: BrokerConnection, settings: ConsumerSettings) {
    super();
    this.#connection = connection;
    this.#settings = settings;
    this.#queue = connection.queueOf(settings.subscription);
    const { options, prefetch, stream } = settings;
    this.#stream = new StreamReading({
      ...{ options, prefetch, ...stream },
      queue: () => this.queue,
      declared: () => this.declaredArguments,
      type: () => queueTypeOf(connection, settings.vhost, this.queue),
    });
    connection.on('fatal', (error) => this.emit('fatal', error));
  }

  /** The broker's current name of the queue. */
  get queue(): string {
    return this.#queue.name;
  }

  /** `true` if the queue belongs to this connection and gets another name after each lost connection. */
  get hasOwnQueue(): boolean {
    return this.#queue.isOwn;
  }

  /** Arguments with which the queue is declared. `undefined` if mq does not declare it. */
  get declaredArguments(): Readonly<Record<string, unknown>> | undefined {
    return this.#queue.declaredArguments;
  }

  /** The broker's properties from the login. They are set once the consumer has started. */
  get server(): Readonly<Record<string, unknown>> {
    return this.#server;
  }

  /** Resolves when the broker has accepted the consumer. */
  async start(): Promise<void> {
    await this.#begin();
    if (!this.#isStopping) this.#startChecks();
  }

  #startChecks(): void {
    const { vhost, options, counts } = this.#settings;
    const { watchMs: everyMs = watchMs, quietMs: probeMs = quietMs } = this.#settings;
    this.#watchdog = new Watchdog(this.#connection, {
      vhost,
      everyMs,
      queue: () => (this.#isAttached && !this.#stream.isKnown ? this.queue : undefined),
      onMissing: () => void this.#onNoConsumer(),
    });
    if (this.#stream.isKnown || !canBeProbed(this.declaredArguments, options['arguments'])) return;
    this.#probe = new Probe(this.#connection, {
      vhost,
      quietMs: probeMs,
      answerMs: probeMs,
      queue: () => (this.#isAttached && this.#current?.hasRoom ? this.queue : undefined),
      deliveredAt: () => this.#current?.deliveredAt ?? 0,
      onFound: (channel, raw) => {
        counts.received += 1;
        this.emit('delivery', foundDelivery(channel, raw, { queue: this.queue, counts }));
      },
      onDropped: () => this.#onMissing(),
    });
  }

  /**
   * Returns the number of messages in the queue that were not sent to this consumer. For a stream it is 1 if there are
   * more messages, otherwise 0. Returns `undefined` if the number is not known now.
   */
  async ready(): Promise<number | undefined> {
    const current = this.#current;
    if (!current) return undefined;
    const { vhost } = this.#settings;
    try {
      if (this.#stream.isStream) await this.#stream.settleType();
      if (!this.#stream.isStream) return await readyCount(current.channel, this.queue);
      return await this.#stream.ready(() => this.#connection.channel(vhost));
    } catch {
      return undefined;
    }
  }

  /**
   * Continues a stream after the last offset that an earlier run has handled. Call this before `start`, which then throws
   * TOPOLOGY if the stream ends before the offset.
   */
  keepOffset(handled: number | undefined, kept: KeptOffset): void {
    this.#stream.keep(handled, kept);
  }

  /** Resolves when the broker has received all acknowledgements sent so far, or when the channel is closed. */
  async flush(): Promise<void> {
    await this.#current?.acks.flush(this.#settings.prefetch);
  }

  /** Stops receiving messages. Delivered messages can still be acknowledged. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#stopped.abort();
    this.#attach(false);
    this.#pause?.cancel();
    this.#watchdog?.stop();
    this.#stream.end();
    await Promise.all([this.#probe?.stop(), this.#current?.cancel()]);
  }

  /**
   * Starts the consumer. After a lost connection it tries again: in total once for each address, and at least twice.
   */
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
    ended.promise.catch(() => undefined); // it may reject while nothing waits for it
    this.#connection.on('lost', count).once('fatal', end);
    try {
      for (;;) {
        try {
          return await Promise.race([this.#consume(), ended.promise]);
        } catch (error) {
          const failure = failureOf(error, this.#settings.redact);
          if (isPermanent(failure) || isEnded || this.#isStopping) throw failure;
          this.#noticeStandby(failure);
          if (hasNoReplica(failure)) this.#connection.leave(failure);
          if (this.#isStandby) {
            await pause(this.#backoff.next({ isStandby: true }), { ref: false });
            if (this.#isStopping) return;
            continue;
          }
          await pause(lossMs, { signal: this.#stopped.signal });
          if (lost === 0 || lost > Math.max(1, this.#connection.addresses - 1) || this.#isStopping) throw failure;
        }
      }
    } finally {
      this.#connection.off('lost', count).off('fatal', end);
    }
  }

  async #consume(): Promise<void> {
    const { vhost } = this.#settings;
    this.#stream.refuseSettings();
    await this.#stream.begin(() => this.#connection.channel(vhost));
    const channel = await this.#connection.channel(vhost);
    if (this.#isStopping) return endChannel(channel);
    this.#server = channel.connection?.serverProperties ?? {};
    const opened = this.#consumerOn(channel);
    await opened.setPrefetch();
    if (this.#isStopping) return endChannel(channel);
    // This is set before the first delivery, which may arrive in the same packet as consume-ok.
    this.#current = opened;
    this.emit('resumed');
    try {
      await this.#connection.answered('a consumer', opened.consume(this.#stream.options));
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
    // A consumer that stops cancels itself on this channel, and its messages are returned without a failed attempt.
    if (!this.#isStopping) this.#accepted();
    opened.onClose((cause) => this.#onGone(opened, cause));
  }

  #accepted(): void {
    this.#attach(true);
    this.#stream.attached();
    this.#backoff.reset();
    this.#cancelledAt = undefined;
    this.emit('accepted');
    if (this.#isStandby) this.emit('active');
    this.#isStandby = false;
  }

  #consumerOn(channel: Channel): ConsumerChannel {
    const { prefetch, options, counts } = this.#settings;
    const isNoAck = options['noAck'] === true;
    const opened: ConsumerChannel = new ConsumerChannel(channel, {
      queue: this.queue,
      isKept: !isNoAck && !this.#queue.isTransient,
      isNoAck,
      prefetch,
      counts,
      isCurrent: () => this.#current === opened,
      stream: this.#stream,
      onDelivery: (delivery) => this.emit('delivery', delivery),
      onCancel: () => this.#onCancel(opened),
    });
    return opened;
  }

  /**
   * Handles basic.cancel. RabbitMQ cancels a consumer whose queue was deleted or moved; 4.3 also cancels one that
   * leaves a message unacknowledged for too long.
   */
  #onCancel(cancelled: ConsumerChannel): void {
    if (this.#current !== cancelled) return;
    this.#cancelledAt = time.now();
    this.#onGone(cancelled, cancelled.unanswered.cancelled());
    endChannel(cancelled.channel);
  }

  /**
   * Handles a check that found no consumer. RabbitMQ: queue.declare-ok of a stream always contains 0 consumers
   * (rabbit_stream_queue:stat/1).
   */
  async #onNoConsumer(): Promise<void> {
    const current = this.#current;
    try {
      await this.#stream.settleType();
    } catch {
      return; // the next check asks again
    }
    if (current === this.#current && !this.#stream.isKnown) this.#onMissing();
  }

  #onMissing(): void {
    const current = this.#current;
    if (!current) return;
    this.#onGone(current, new MqError('UNAVAILABLE', 'the broker has dropped the consumer of the queue'));
    endChannel(current.channel);
  }

  #onGone(gone: ConsumerChannel, cause: Error): void {
    if (this.#current !== gone) return;
    this.#current = undefined;
    this.#attach(false);
    if (this.#isStopping) return;
    const failure = failureOf(cause, this.#settings.redact);
    if (isPermanent(failure)) this.emit('fatal', failure);
    else {
      this.emit('interrupted', failure);
      this.#again();
    }
  }

  #again(): void {
    const pauseMs = this.#backoff.next({ isStandby: this.#isStandby });
    this.#pause = time.after(pauseMs, () => {
      this.#consume().catch((error: unknown) => {
        if (this.#isStopping) return;
        const failure = failureOf(error, this.#settings.redact);
        this.#noticeStandby(failure);
        if (hasNoReplica(failure)) this.#connection.leave(failure);
        if (isPermanent(failure) && !this.#mayComeBack(failure)) this.emit('fatal', failure);
        else this.#again();
      });
    });
  }

  #noticeStandby(failure: MqError): void {
    if (this.#isStandby || !isInUse(failure)) return;
    this.#isStandby = true;
    this.emit('standby', failure);
  }

  /** Reports whether the queue may exist again soon. RabbitMQ: 404 for a deleted queue. */
  #mayComeBack({ cause }: MqError): boolean {
    const isMissing = cause instanceof Error && cause.message.includes('NOT_FOUND');
    return isMissing && this.#cancelledAt !== undefined && time.now() - this.#cancelledAt < missingMs;
  }

  #attach(isAttached: boolean): void {
    this.#settings.counts.consumers += Number(isAttached) - Number(this.#isAttached);
    this.#isAttached = isAttached;
  }
}
