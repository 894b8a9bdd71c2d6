// Looks through a queue: each message is shown once, in order, and either taken (acknowledged) or left. What is left
// goes back where it was. Memory is bounded: a consumer gets no more than its prefetch while it holds that many, and
// when all of them are to be left another consumer gets the next ones.

import type { Channel, RawMessage } from 'amqplib/callback_api';
import { MqError } from '../errors.ts';
import { failureOf } from './failure.ts';
import type { Link } from './link.ts';
import { readyCount } from './ready-count.ts';

/** A message that is looked at; exactly one of the two is called, whenever it is known. */
export interface Looked {
  readonly raw: RawMessage;
  /** It leaves the queue. */
  take(): void;
  leave(): void;
}

/** Takes care of messages that the broker would drop if they went back. */
export interface Keeper {
  /** `server`: what the broker said of itself at login. */
  isNeeded(raw: RawMessage, server: Readonly<Record<string, unknown>>): boolean;
  /** Takes the message, or leaves it. Never rejects. */
  keep(looked: Looked): Promise<void>;
}

export interface BrowserSettings {
  readonly vhost: string;
  /** The broker's name of it. */
  readonly queue: string;
  readonly keeper: Keeper;
  readonly redact: (text: string) => string;
}

const prefetch = 256;
/** Milliseconds without a message, after which the queue is asked whether it is empty. */
const quietMs = 250;
/** Milliseconds that a queue with messages may give none. */
const patienceMs = 10_000;

/** One consumer of the channel. */
interface Reader {
  readonly tag: string;
  /** Delivered and not taken. */
  held: number;
  /** The delivery tag of the last one that is left. */
  lastLeft: RawMessage | undefined;
}

export class Browser {
  readonly #channel: Channel;
  readonly #settings: BrowserSettings;
  /** Messages that were ready in the queue at the start. No more are looked at. */
  readonly total: number;
  readonly #readers: Reader[] = [];
  readonly #arrived: Looked[] = [];
  /** Messages that the keeper has. */
  readonly #kept = new Set<Promise<void>>();
  #wake: () => void = () => undefined;
  #failure: MqError | undefined;

  private constructor(channel: Channel, total: number, settings: BrowserSettings) {
    this.#channel = channel;
    this.total = total;
    this.#settings = settings;
    channel.on('error', (error: Error) => this.#fail(error));
    channel.on('close', () => this.#fail(new Error('Channel closed')));
  }

  static async open(link: Link, settings: BrowserSettings): Promise<Browser> {
    try {
      const channel = await link.channel(settings.vhost);
      channel.on('error', () => undefined);
      const total = await readyCount(channel, settings.queue);
      await done((next) => channel.prefetch(prefetch, false, next));
      return new Browser(channel, total, settings);
    } catch (error) {
      throw failureOf(error, settings.redact);
    }
  }

  /** The messages that were there at the start. Throws when the connection goes: the broker then has them all again. */
  async *messages(): AsyncGenerator<Looked> {
    for (let seen = 0; seen < this.total; seen += 1) {
      const looked = await this.#next();
      if (!looked) return;
      yield looked;
      if (this.#kept.size >= prefetch) await Promise.all(this.#kept);
    }
  }

  /** How many there are, all taken at once by the broker (queue.purge). */
  async purge(): Promise<number> {
    const { queue, redact } = this.#settings;
    try {
      const purged = await done<{ messageCount: number }>((next) => this.#channel.purgeQueue(queue, next));
      return purged.messageCount;
    } catch (error) {
      throw failureOf(error, redact);
    }
  }

  /** Gives back in order what was not taken. Never rejects. */
  async close(): Promise<void> {
    if (this.#failure) return;
    try {
      await this.#cancel();
      for (const looked of this.#arrived.splice(0)) looked.leave();
      await Promise.all(this.#kept);
      for (const { lastLeft } of this.#readers) {
        // RabbitMQ 4.3: a quorum queue counts a nack as no delivery, a closed channel as one.
        if (lastLeft) this.#channel.nack(lastLeft, true, true);
      }
      await new Promise<void>((resolve) => this.#channel.close(() => resolve()));
    } catch {
      // amqplib: the channel is closed already, and the broker has everything back.
    }
  }

  async #next(): Promise<Looked | undefined> {
    const begun = performance.now();
    for (;;) {
      if (this.#failure) throw this.#failure;
      const looked = this.#arrived.shift();
      if (looked) return looked;
      const reader = this.#readers.at(-1);
      if (!reader || reader.held >= prefetch) await this.#read();
      else if (!(await this.#arrival())) {
        if ((await readyCount(this.#channel, this.#settings.queue)) === 0 && this.#arrived.length === 0)
          return undefined;
        if (performance.now() - begun > patienceMs) throw this.#withheld();
      }
    }
  }

  /** True when something came within a moment. */
  #arrival(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), quietMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #keep(looked: Looked): void {
    const kept = this.#settings.keeper.keep(looked).then(() => void this.#kept.delete(kept));
    this.#kept.add(kept);
  }

  async #read(): Promise<void> {
    const { queue, redact } = this.#settings;
    try {
      await this.#cancel();
      // RabbitMQ gives back by consumer: their names are in the order of their messages.
      const tag = `mq-${String(this.#readers.length).padStart(9, '0')}`;
      const reader: Reader = { tag, held: 0, lastLeft: undefined };
      this.#readers.push(reader);
      const onMessage = (raw: RawMessage | null) => {
        if (raw) this.#arrive(reader, raw);
        else this.#fail(new Error('the broker cancelled the consumer'));
      };
      await done((next) => this.#channel.consume(queue, onMessage, { consumerTag: tag }, next));
    } catch (error) {
      throw this.#failure ?? failureOf(error, redact);
    }
  }

  #arrive(reader: Reader, raw: RawMessage): void {
    reader.held += 1;
    const looked = {
      raw,
      take: () => {
        reader.held -= 1;
        if (!this.#failure) this.#channel.ack(raw, false);
      },
      leave: () => {
        if (raw.fields.deliveryTag > (reader.lastLeft?.fields.deliveryTag ?? 0)) reader.lastLeft = raw;
      },
    };
    const { keeper } = this.#settings;
    const isKept = keeper.isNeeded(raw, this.#channel.connection?.serverProperties ?? {});
    this.#arrived.push(isKept ? { ...looked, leave: () => this.#keep(looked) } : looked);
    this.#wake();
  }

  /** What the last consumer was sent has come when it is answered. */
  async #cancel(): Promise<void> {
    const reader = this.#readers.at(-1);
    if (reader) await done((next) => this.#channel.cancel(reader.tag, next));
  }

  #fail(error: Error): void {
    this.#failure ??= failureOf(error, this.#settings.redact);
    this.#wake();
  }

  #withheld(): MqError {
    return new MqError('DEADLINE', `the queue '${this.#settings.queue}' has messages and gives none`, {
      hint: 'another consumer may have it for itself',
    });
  }
}

function done<T>(start: (next: (error: Error | null, ok: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, ok) => (error ? reject(error) : resolve(ok)));
  });
}
