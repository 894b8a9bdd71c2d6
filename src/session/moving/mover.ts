// Moves all messages of a queue to another, each acknowledged after its copy is confirmed. Each copy is routed to one queue,
// so a returned message means that this queue is gone.

import { MqError } from '../../errors.ts';
import { interruption } from '../../signal.ts';
import { time } from '../../time.ts';
import type { Channel, ConfirmChannel } from '../channel.ts';
import { returnDeliveries } from '../consuming/ready-count.ts';
import type { WritableMessage } from '../outgoing-message.ts';
import { publishMessage } from '../patches/outgoing-frames.ts';
import { promised } from '../promised.ts';
import { nacked, unencodable, unroutable } from '../publishing/unsendable.ts';
import type { RawMessage } from '../raw-message.ts';

/** The parts of a single connection that a mover needs. */
interface MoverConnection {
  depth(queue: string): Promise<{ readonly messageCount: number }>;
  channel(): Promise<Channel>;
  confirmChannel(): Promise<ConfirmChannel>;
  answered<T>(what: string, answer: Promise<T>): Promise<T>;
  failureOf(error: unknown): MqError;
}

export interface MoveSettings {
  readonly queue: string;
  /** Returns the address and the properties of the copy. Throws an MqError if the message cannot be copied. */
  readonly copyOf: (raw: RawMessage) => Pick<WritableMessage, 'exchange' | 'routingKey' | 'properties'>;
  readonly onMoved: (count: number) => void;
  /** Maximum number of unacknowledged deliveries. Default 256. */
  readonly prefetch?: number;
}

/** Number of messages and bytes that the target queue accepts. */
export interface Room {
  readonly messages: number;
  readonly bytes: number;
}

const unlimited: Room = { messages: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

const defaultPrefetch = 256;
/** Milliseconds without a delivery or an answer after which the mover checks its state. */
const quietMs = 250;
/** Milliseconds after which a queue that has messages but delivers none, or a target without an answer, is an error. */
const patienceMs = 25_000;
/** Milliseconds to wait for the notice that a deleted queue cancels its consumer. */
const cancelMs = 5_000;

export class Mover {
  readonly #connection: MoverConnection;
  readonly #source: Channel;
  readonly #target: ConfirmChannel;
  readonly #settings: MoveSettings;
  /** Deliveries whose copies are not answered, by the delivery tag of the copy. */
  readonly #pending = new Map<number, PendingCopy>();
  /** Deliveries that wait for room. */
  readonly #waiting: RawMessage[] = [];
  #nextTag = 1;
  #lastLeft: RawMessage | undefined;
  #leftCount = 0;
  #room: Room = unlimited;
  #consumerTag = '';
  #isStopping = false;
  /** `true` after a delete of the queue is sent. Nothing is acknowledged then, because the queue may be gone. */
  #isDeleting = false;
  #isCancelled = false;
  /** `true` if no answer to a copy counts any more. */
  #isBroken = false;
  #isClosed = false;
  #failure: MqError | undefined;
  #activeAt = time.now();
  #wake: () => void = () => undefined;
  moved = 0;

  private constructor(connection: MoverConnection, source: Channel, target: ConfirmChannel, settings: MoveSettings) {
    this.#connection = connection;
    this.#source = source;
    this.#target = target;
    this.#settings = settings;
    for (const channel of [source, target]) {
      let cause: Error | undefined;
      channel.on('error', (error: Error) => {
        cause = error;
      });
      channel.on('close', () => this.#fail(cause ?? new Error('Channel closed')));
    }
    // amqplib has no callbacks for messages that `publishMessage` sends.
    target.removeAllListeners('ack');
    target.removeAllListeners('nack');
    target.on('ack', (answer: Answer) => this.#onAnswer(answer, false));
    target.on('nack', (answer: Answer) => this.#onAnswer(answer, true));
    target.on('return', (returned: RawMessage) => this.#fail(unroutable(returned)));
  }

  /** Starts to move messages, at most as many as there is room for. */
  static async start(connection: MoverConnection, settings: MoveSettings, room: Room = unlimited): Promise<Mover> {
    const [source, target] = [await connection.channel(), await connection.confirmChannel()];
    const mover = new Mover(connection, source, target, settings);
    const { prefetch = defaultPrefetch } = settings;
    mover.#room = room;
    try {
      await connection.answered(
        'a prefetch',
        promised((next) => source.prefetch(prefetch, false, next)),
      );
      const consume = promised<{ consumerTag: string }>((next) =>
        source.consume(settings.queue, (raw) => mover.#onDelivery(raw), {}, next),
      );
      mover.#consumerTag = (await connection.answered('a consumer', consume)).consumerTag;
    } catch (error) {
      throw mover.#failure ?? connection.failureOf(error);
    }
    return mover;
  }

  /** `true` if a delivery waits for room. */
  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** Replaces the room that is left, and continues. */
  allow(room: Room): void {
    this.#room = room;
    this.#send();
  }

  /**
   * Resolves when the queue is empty and all copies are confirmed, or when `count` more messages are moved, because a
   * queue to which clients publish may never be empty; but not before `leastMs`. Also resolves if a delivery waits for
   * room. Throws the failure that stopped the mover, and INTERRUPTED or TERMINATED at a signal.
   */
  async drained({ leastMs = 0, count, signal }: Drain): Promise<void> {
    const begun = time.now();
    const total = this.moved + count;
    for (;;) {
      if (this.#failure) throw this.#failure;
      if (signal.aborted) throw interruption(signal);
      if (time.now() - this.#activeAt > patienceMs) throw this.#stuck();
      const isLate = time.now() - begun >= leastMs;
      if (isLate && this.moved >= total) return;
      if (this.#pending.size === 0) {
        if (this.isFull) return;
        if (isLate && (await this.#isEmpty()) && this.#pending.size === 0) return;
      }
      await this.#activity(quietMs);
    }
  }

  /** Expects that the queue is deleted. Messages that the broker delivers until then are still moved. */
  expectDeletion(): void {
    this.#isDeleting = true;
  }

  /** Resolves when the broker has cancelled the consumer and every copy is confirmed. Throws the failure of a copy. */
  async ended(): Promise<void> {
    const deadline = time.now() + cancelMs;
    while (!(this.#isCancelled && this.#pending.size === 0)) {
      if (this.#failure) throw this.#failure;
      if (time.now() > deadline && this.#pending.size === 0) break;
      if (time.now() - this.#activeAt > patienceMs) throw this.#stuck();
      await this.#activity(quietMs);
    }
    await this.#close();
  }

  /** Stops, waits for the copies that are on their way, and returns the other deliveries to the queue. Never rejects. */
  async stop(): Promise<void> {
    if (this.#isClosed) return;
    this.#isStopping = true;
    try {
      // Without it, a returned message would be delivered again, and returned by the close of the channel.
      const cancel = promised((next) => this.#source.cancel(this.#consumerTag, next));
      await this.#connection.answered('a cancellation', cancel);
      const begun = time.now();
      while (this.#pending.size > 0 && !this.#isBroken && time.now() - begun < patienceMs)
        await this.#activity(quietMs);
      for (const raw of this.#waiting.splice(0)) this.#leave(raw);
      const returned = returnDeliveries(this.#source, this.#settings.queue, {
        last: [this.#lastLeft],
        count: this.#leftCount,
      });
      await this.#connection.answered('a return', returned);
    } catch {
      // The connection is lost, or the broker has closed the channel. It requeues everything.
    }
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#isStopping = true;
    this.#isBroken = true;
    this.#isClosed = true;
    for (const channel of [this.#source, this.#target]) {
      const closed = new Promise<void>((resolve) => {
        try {
          channel.close(() => resolve());
        } catch {
          resolve(); // it is already closed
        }
      });
      await this.#connection.answered('the close of a channel', closed).catch(() => undefined);
    }
  }

  #onDelivery(raw: RawMessage | null): void {
    this.#activeAt = time.now();
    if (raw === null) {
      this.#isCancelled = true;
      if (!this.#isDeleting) this.#fail(new Error('Channel closed: the broker cancelled the consumer'));
    } else if (this.#isStopping || this.#failure) this.#leave(raw);
    else {
      this.#waiting.push(raw);
      this.#send();
    }
    this.#wake();
  }

  /** Publishes the copies for which there is room. */
  #send(): void {
    for (let raw = this.#waiting[0]; raw && !this.#failure; raw = this.#waiting[0]) {
      const { messages, bytes } = this.#room;
      if (messages < 1 || bytes < raw.content.length) return;
      this.#waiting.shift();
      this.#room = { messages: messages - 1, bytes: bytes - raw.content.length };
      try {
        const copy = this.#copyOf(raw);
        publishMessage(this.#target, copy);
        this.#pending.set(this.#nextTag, { raw, copy });
        this.#nextTag += 1;
      } catch (error) {
        this.#leave(raw);
        this.#fail(error instanceof MqError ? error : unencodable(error));
      }
    }
  }

  #copyOf(raw: RawMessage): WritableMessage {
    return { ...this.#settings.copyOf(raw), body: raw.content, mandatory: true };
  }

  #onAnswer({ deliveryTag, multiple }: Answer, isNack: boolean): void {
    // After a return, the confirm of the returned message follows (RabbitMQ), so no confirm counts any more.
    if (this.#isBroken) return;
    this.#activeAt = time.now();
    for (const [tag, { raw, copy }] of this.#pending) {
      if (tag > deliveryTag) break;
      if (tag !== deliveryTag && !multiple) continue;
      this.#pending.delete(tag);
      if (isNack) {
        this.#leave(raw);
        this.#failure ??= nacked(copy);
      } else {
        if (!this.#isDeleting) this.#source.ack(raw, false);
        this.moved += 1;
      }
    }
    this.#settings.onMoved(this.moved);
    this.#wake();
  }

  /** Keeps a delivery for its return to the queue. */
  #leave(raw: RawMessage): void {
    this.#leftCount += 1;
    if (raw.fields.deliveryTag > (this.#lastLeft?.fields.deliveryTag ?? 0)) this.#lastLeft = raw;
  }

  #fail(error: unknown): void {
    const isUnencodable = error instanceof MqError && error.code === 'BAD_DATA';
    if (!isUnencodable) this.#isBroken = true;
    if (!this.#isStopping) this.#failure ??= this.#connection.failureOf(error);
    for (const { raw } of this.#isBroken ? this.#pending.values() : []) this.#leave(raw);
    this.#wake();
  }

  async #isEmpty(): Promise<boolean> {
    return (await this.#connection.depth(this.#settings.queue)).messageCount === 0;
  }

  /** Resolves at the next delivery or answer, or after the time. */
  #activity(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = time.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #stuck(): MqError {
    const { queue } = this.#settings;
    return this.#pending.size > 0
      ? new MqError('IN_DOUBT', `the broker has not answered ${this.#pending.size} messages from '${queue}'`)
      : new MqError('DEADLINE', `the queue '${queue}' has messages but delivers none`, {
          hint: 'another consumer may have exclusive access to it',
        });
  }
}

interface PendingCopy {
  readonly raw: RawMessage;
  readonly copy: WritableMessage;
}

interface Drain {
  /** Default 0. */
  readonly leastMs?: number;
  /** Number of messages that the queue has. */
  readonly count: number;
  readonly signal: AbortSignal;
}

/** Fields of basic.ack (AMQP 0-9-1, 1.8.3.13) and of basic.nack (RabbitMQ). */
interface Answer {
  readonly deliveryTag: number;
  readonly multiple: boolean;
}
