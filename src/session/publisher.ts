// Publishes with one confirm channel and a bounded window of unconfirmed messages. Each message ends as confirmed,
// refused or in doubt. Order is preserved: after a lost connection the window is sent again in order, with the same
// message-ids. The caller decides whether a message is mandatory (AMQP 0-9-1, 1.8.3.7).

import { MqError } from '../errors.ts';
import { pause, type Timer, time } from '../time.ts';
import type { MessageTracer } from '../tracing.ts';
import type { ConfirmChannel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import type { Counts } from './counts.ts';
import { failureOf, isInternalError, isPermanent } from './failure.ts';
import type { PublishOutcome, WritableMessage } from './outgoing-message.ts';
import { publishMessage } from './patches/outgoing-frames.ts';
import { AnswerTimeouts, lateNackMs } from './publishing/answer-timeouts.ts';
import { unkeptHeader } from './publishing/stream-headers.ts';
import type { StreamOf } from './publishing/stream-targets.ts';
import { crashing, nacked, unencodable, unroutable, unsendable } from './publishing/unsendable.ts';
import { type UnconfirmedMessage, Window } from './publishing/window.ts';
import type { RawMessage } from './raw-message.ts';

export interface PublisherSettings {
  readonly vhost: string;
  /** Maximum number of messages without an answer. */
  readonly window: number;
  /** Milliseconds without an answer or a connection after which messages are in doubt. */
  readonly timeoutMs: number;
  /** `true` if this time also runs while the broker blocks publishing. Default `false`. */
  readonly limitsBlocking?: boolean | undefined;
  /** Milliseconds without an answer or progress in sending after which mq leaves the node. Default 25,000. */
  readonly nodeTimeoutMs?: number | undefined;
  readonly counts: Counts;
  readonly redact: (text: string) => string;
  /** Finds the stream that receives a message. `undefined` if there is no stream in the vhost. */
  readonly streamOf?: StreamOf | undefined;
  /** Records a span of each message. */
  readonly tracer?: MessageTracer | undefined;
  /** Runs on each new channel before anything is published on it. */
  readonly onChannel?: (channel: ConfirmChannel) => Promise<void>;
}

/** Maximum size of the window in bytes. Large bodies reduce the number of messages in it. */
const windowBytes = 16 * 1024 * 1024;
/** Longest pause between two attempts to open a channel, in milliseconds. */
const longestPauseMs = 10_000;

export class Publisher {
  readonly #connection: BrokerConnection;
  readonly #settings: PublisherSettings;
  #channel: ConfirmChannel | undefined;
  readonly #window = new Window();
  #isWriting = false;
  #waiting: (() => void)[] = [];
  readonly #timeouts: AnswerTimeouts;
  #failure: MqError | undefined;
  readonly #clock: Timer;
  readonly #failed = Promise.withResolvers<MqError>();

  private constructor(connection: BrokerConnection, settings: PublisherSettings) {
    this.#connection = connection;
    this.#settings = settings;
    const { timeoutMs, nodeTimeoutMs, limitsBlocking } = settings;
    this.#timeouts = new AnswerTimeouts({ timeoutMs, nodeTimeoutMs, limitsBlocking });
    connection.on('blocked', () => this.#timeouts.block());
    connection.on('unblocked', () => this.#timeouts.unblock());
    connection.on('lost', (error) => this.#onLost(error));
    connection.on('left', () => this.#timeouts.nodeLeft());
    connection.on('fatal', (error) => this.#fail(error));
    this.#clock = time.every(this.#timeouts.checkMs, () => this.#checkTimeouts());
  }

  static async open(connection: BrokerConnection, settings: PublisherSettings): Promise<Publisher> {
    const publisher = new Publisher(connection, settings);
    try {
      await publisher.#openChannel();
    } catch (error) {
      publisher.#stopClock();
      throw failureOf(error, settings.redact);
    }
    return publisher;
  }

  /** Resolves when nothing can be published any more. It does not resolve on close. */
  get failed(): Promise<MqError> {
    return this.#failed.promise;
  }

  /** The broker's properties from the login. Empty while there is no channel. */
  get server(): Readonly<Record<string, unknown>> {
    return this.#channel?.connection.serverProperties ?? {};
  }

  /** `true` if the window can accept a message. */
  get hasRoom(): boolean {
    return this.#window.size < this.#settings.window && this.#window.bytes < windowBytes;
  }

  /** Resolves when the window has room. */
  async room(): Promise<void> {
    while (!this.hasRoom && !this.#failure) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Sends one message and calls `settle` exactly once. Wait for `room()` first. */
  send(message: WritableMessage, settle: (outcome: PublishOutcome) => void): void {
    const { tracer } = this.#settings;
    const traced = tracer?.publish(message, settle);
    if (traced) this.#send(traced.message, traced.settle);
    else this.#send(message, settle);
  }

  #send(message: WritableMessage, settle: (outcome: PublishOutcome) => void): void {
    this.#settings.counts.attempted += 1;
    const { streamOf } = this.#settings;
    const refusal = unsendable(message) ?? (streamOf && unkeptHeader(message, streamOf));
    if (refusal) this.#report(settle, { type: 'refused', error: refusal });
    else if (this.#failure) this.#report(settle, { type: 'in doubt', error: this.#failure });
    else {
      if (this.#window.size === 0) this.#timeouts.start();
      this.#window.add(message, settle);
      this.#writeAll();
    }
  }

  /** Counts a message that must not be sent. */
  refuse(error: MqError, settle: (outcome: PublishOutcome) => void): void {
    this.#settings.counts.attempted += 1;
    this.#report(settle, { type: 'refused', error });
  }

  /** Waits for room and sends a message. Resolves with its outcome. */
  async publish(message: WritableMessage): Promise<PublishOutcome> {
    await this.room();
    return new Promise((resolve) => this.send(message, resolve));
  }

  /** Resolves when every message has its outcome. */
  async settled(): Promise<void> {
    while (this.#window.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Marks all messages without an answer as in doubt. */
  abandon(error: MqError): void {
    this.#fail(error);
  }

  /** Accepts no more messages. The connection closes the channel. */
  close(): void {
    this.#stopClock();
    this.#use(undefined);
    this.#failure ??= new MqError('UNAVAILABLE', 'the publisher is closed');
  }

  async #openChannel(): Promise<void> {
    const channel = await this.#connection.confirmChannel(this.#settings.vhost);
    let cause: Error | undefined;
    let isClosed = false;
    channel.on('error', (error: Error) => {
      cause = error;
    });
    // amqplib handles confirms too, but it has no callbacks for messages that `publishMessage` sends.
    channel.removeAllListeners('ack');
    channel.removeAllListeners('nack');
    channel.on('ack', (answer: Answer) => this.#onAnswer(channel, answer, false));
    channel.on('nack', (answer: Answer) => this.#onAnswer(channel, answer, true));
    channel.on('return', (returned: RawMessage) => this.#markReturned(returned));
    channel.on('close', () => {
      isClosed = true;
      this.#onClosed(channel, cause);
    });
    const { onChannel } = this.#settings;
    if (onChannel) await this.#connection.answered('declarations on a channel', onChannel(channel));
    if (isClosed) throw cause ?? new Error('Channel closed');
    this.#use(channel);
    this.#timeouts.channelOpened();
    this.#window.rewind();
    this.#writeAll();
  }

  /** Sends the waiting messages that may be sent now. */
  #writeAll(): void {
    // A message that cannot be encoded is settled within this loop. A nested loop for each of them would overflow the
    // stack.
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      for (const channel = this.#channel; channel && this.#channel === channel; ) {
        const entry = this.#window.next();
        if (!entry || !this.#write(channel, entry)) return;
      }
    } finally {
      this.#isWriting = false;
    }
  }

  #onClosed(channel: ConfirmChannel, cause: Error | undefined): void {
    if (this.#channel !== channel) return;
    this.#use(undefined);
    void this.#reopen(cause);
  }

  /** Ends a message that makes the broker close each connection. The others of the window are sent again. */
  #onLost(error: MqError): void {
    this.#timeouts.connectionLost();
    if (!isInternalError(error)) return;
    const culprit = this.#window.crashed();
    if (culprit) this.#settle(culprit, { type: 'in doubt', error: crashing(culprit.message) });
  }

  async #reopen(cause: Error | undefined): Promise<void> {
    if (cause) {
      const failure = failureOf(cause, this.#settings.redact);
      if (!this.#refuseTooLarge(failure) && isPermanent(failure)) return this.#fail(failure);
    }
    for (let pauseMs = 100; !this.#failure; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        return await this.#openChannel();
      } catch (error) {
        const failure = failureOf(error, this.#settings.redact);
        if (isPermanent(failure)) return this.#fail(failure);
        // Rascal delays the next attempt after a lost connection, but not after a refused declaration.
        await pause(pauseMs, { ref: false });
      }
    }
  }

  /** Sends a message. Returns `false` if the channel is closed or closing. */
  #write(channel: ConfirmChannel, entry: UnconfirmedMessage): boolean {
    entry.writtenAt = time.now();
    try {
      publishWithTrace(channel, entry.message);
    } catch (error) {
      if (error instanceof Error && error.name === 'IllegalOperationError') {
        // The message is sent again after reopening. If the close of a channel arrived in the same packet as its
        // opening, `close` was emitted before the listener was added.
        if (error.message === 'Channel closed') this.#onClosed(channel, undefined);
        return false;
      }
      this.#settle(entry, { type: 'refused', error: unencodable(error) });
      return true;
    }
    this.#window.markSent(entry);
    return true;
  }

  #onAnswer(channel: ConfirmChannel, { deliveryTag, multiple }: Answer, isNack: boolean): void {
    if (!isNack) this.#timeouts.answered();
    const last = Math.min(deliveryTag, this.#window.lastTag);
    let tag = multiple ? this.#window.firstTag : deliveryTag;
    for (; tag <= last && this.#channel === channel; tag += 1) {
      const entry = this.#window.withTag(tag);
      if (entry) this.#answer(entry, isNack);
    }
  }

  #answer(entry: UnconfirmedMessage, isNack: boolean): void {
    if (entry.isPostponed) return; // a later confirm of several messages does not include it
    if (isNack && this.#timeouts.isLateNack(entry.writtenAt)) {
      entry.isPostponed = true;
      this.#leave(`sent a nack after more than ${lateNackMs / 1000} s`);
      return;
    }
    if (isNack) this.#timeouts.answered();
    if (entry.returned) this.#settle(entry, { type: 'refused', error: entry.returned });
    else if (isNack) this.#settle(entry, { type: 'refused', error: nacked(entry.message) });
    else this.#settle(entry, confirmed);
  }

  /** Marks a returned message. RabbitMQ: basic.return arrives before the ack of its message, on the same channel. */
  #markReturned(returned: RawMessage): void {
    const entry = this.#window.returned(returned);
    if (entry) entry.returned = unroutable(returned);
  }

  /**
   * Refuses the messages that exceed the broker's limit; the others of the window are sent again. Returns `false` if
   * the failure has another cause.
   */
  #refuseTooLarge(failure: MqError): boolean {
    const limit = Number(/broker's limit of (\d+)/.exec(failure.message)?.[1]);
    const tooLarge = [...this.#window].filter(({ message }) => message.body.length > limit);
    for (const entry of tooLarge) this.#settle(entry, { type: 'refused', error: failure });
    return tooLarge.length > 0;
  }

  /**
   * Checks the time limits. RabbitMQ: a node that is partitioned from the majority keeps its connections but confirms
   * nothing.
   */
  #checkTimeouts(): void {
    const verdict = this.#timeouts.check({
      isWaiting: this.#window.size > 0,
      socket: this.#channel?.connection.stream,
    });
    if (verdict.type === 'in doubt') this.#fail(this.#inDoubt());
    else if (verdict.type === 'reconnect')
      this.#leave(`has confirmed nothing in ${Math.round(verdict.afterMs / 1000)} s`);
  }

  #inDoubt(): MqError {
    const seconds = this.#settings.timeoutMs / 1000;
    const blocked = this.#timeouts.isBlocked ? ', which blocks publishing' : '';
    const message = `no answer from the broker in ${seconds} s${blocked}: ${this.#window.size} messages may or may not have arrived`;
    return new MqError('IN_DOUBT', message, {
      hint: 'send them again; receivers can detect duplicates by the message-id',
    });
  }

  #leave(why: string): void {
    this.#timeouts.extend();
    this.#connection.leave(new MqError('UNAVAILABLE', `the node ${why}`));
  }

  #fail(error: MqError): void {
    this.#failure ??= error;
    this.#failed.resolve(this.#failure);
    for (const entry of [...this.#window]) this.#settle(entry, { type: 'in doubt', error });
    this.#wake();
  }

  #settle(entry: UnconfirmedMessage, outcome: PublishOutcome): void {
    if (!this.#window.has(entry)) return;
    this.#window.remove(entry);
    this.#report(entry.settle, outcome);
    if (!this.#failure) this.#writeAll();
    if (this.#waiting.length > 0) this.#wake();
  }

  #report(settle: (outcome: PublishOutcome) => void, outcome: PublishOutcome): void {
    const { counts } = this.#settings;
    if (outcome.type === 'confirmed') counts.confirmed += 1;
    else if (outcome.type === 'refused') counts.refused += 1;
    else counts.inDoubt += 1;
    settle(outcome);
  }

  #use(channel: ConfirmChannel | undefined): void {
    this.#settings.counts.publishers += Number(channel !== undefined) - Number(this.#channel !== undefined);
    this.#channel = channel;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #stopClock(): void {
    this.#clock.cancel();
  }
}

/** Publishes a message, and without the headers of its trace if they do not fit into its frame. */
function publishWithTrace(channel: ConfirmChannel, message: WritableMessage): void {
  const { withoutTrace } = message;
  try {
    publishMessage(channel, message);
  } catch (error) {
    if (withoutTrace === undefined || !(error instanceof RangeError)) throw error;
    publishMessage(channel, withoutTrace);
  }
}

const confirmed: PublishOutcome = { type: 'confirmed' };

/** Fields of basic.ack (AMQP 0-9-1, 1.8.3.13) and of basic.nack (RabbitMQ). */
interface Answer {
  readonly deliveryTag: number;
  readonly multiple: boolean;
}
