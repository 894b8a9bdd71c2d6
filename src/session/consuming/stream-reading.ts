// Reads a stream: the position at which a consumer starts and continues, which messages are handled, and the end.

import { objectOf, type Plain } from '../../config/plain.ts';
import { parseOffsetArgument, type StreamOffset } from '../../config/stream-offset.ts';
import { MqError } from '../../errors.ts';
import { time } from '../../time.ts';
import type { QueueType } from '../browsing/stream-probe.ts';
import type { Channel } from '../channel.ts';
import type { RawMessage } from '../raw-message.ts';
import { endChannel } from './channel-end.ts';
import { readyCount } from './ready-count.ts';
import { firstOffset, NewMessages, offsetOf, usualQuietMs } from './stream-end.ts';
import { StreamPosition } from './stream-position.ts';

export interface StreamSettings {
  /** Position that overrides `x-stream-offset` in rascal.json. */
  readonly offset?: StreamOffset | undefined;
  /**
   * `true` if the offset is stored, so that the queue must be a stream. The position is then `first` if none is set,
   * because a crash before the first message would otherwise skip messages.
   */
  readonly isKept?: boolean;
  /** `true` if the consumer receives only messages that were in the stream at its start. Default `false`. */
  readonly readsToEnd?: boolean;
}

/** Reports the position of a reader that continues an earlier run. */
export interface KeptOffset {
  /** Called when all messages up to this offset are handled. */
  readonly onHandled: (offset: number) => void;
  /** Called with the number of messages after the stored offset that retention has removed, if there are any. */
  readonly onRemoved: (count: number) => void;
}

interface StreamReadingParts extends StreamSettings {
  /** Returns the broker's name of the queue. */
  readonly queue: () => string;
  /** Returns the arguments with which the queue is declared. `undefined` if mq does not declare it. */
  readonly declared: () => Plain | undefined;
  /** Asks the broker for the type of the queue. */
  readonly type: () => Promise<QueueType>;
  /** Options of basic.consume. */
  readonly options: Plain;
  /** Prefetch count. 0 means no limit. */
  readonly prefetch: number;
}

/** Argument of basic.consume that only a stream accepts (RabbitMQ 4: 406 for other queues). */
const argument = 'x-stream-offset';

/** Longest time in milliseconds without a message after which a stream with messages counts as without a certain one. */
const longestQuietMs = 8000;

export class StreamReading {
  readonly #parts: StreamReadingParts;
  readonly #offset: StreamOffset | undefined;
  #position = new StreamPosition();
  #newMessages: NewMessages | undefined;
  /** Time when the broker accepted the first consumer, in milliseconds since 1970. */
  #attachedAt: number | undefined;
  #kept: KeptOffset | undefined;
  /** Offset of an earlier run, until it is known that the stream still contains it. */
  #unchecked: number | undefined;
  /** Type of the queue according to the broker, once it was asked. */
  #type: QueueType | undefined;

  /** @throws MqError CONFIG if the position in rascal.json is not valid */
  constructor(parts: StreamReadingParts) {
    this.#parts = parts;
    this.#offset = parts.offset ?? configuredOffset(parts.options) ?? (parts.isKept ? 'first' : undefined);
  }

  /** Reports whether the queue is a stream according to rascal.json, the arguments of the consumer or the broker. */
  get isKnown(): boolean {
    if (this.#offset !== undefined || this.#type === 'stream') return true;
    return this.#parts.declared()?.['x-queue-type'] === 'stream';
  }

  /** Reports whether the queue is a stream according to what is known or was received. */
  get isStream(): boolean {
    return this.isKnown || this.#position.last !== undefined;
  }

  /**
   * Asks the broker for the type of a queue that mq does not declare, once. Call this before the offsets of messages are
   * used, because a publisher can write their header.
   */
  async settleType(): Promise<void> {
    if (this.isKnown || this.#type !== undefined || this.#parts.declared()) return;
    this.#type = await this.#parts.type();
    if (!this.isKnown) this.#position = new StreamPosition();
  }

  /** Options of basic.consume. After a lost channel, a stream is read from the first message that is not handled. */
  get options(): Plain {
    const { options } = this.#parts;
    const offset = this.#position.resumeAt ?? this.#start;
    return offset === undefined ? options : { ...options, arguments: this.#argumentsAt(offset) };
  }

  /**
   * Position of a consumer that has received nothing. After a lost channel, `next` would skip the messages that were
   * published in the meantime.
   */
  get #start(): StreamOffset | undefined {
    const isNext = this.#offset === 'next' || (this.#offset === undefined && this.isKnown);
    if (!isNext || this.#attachedAt === undefined) return this.#offset;
    return { '!': 'timestamp', value: Math.floor(this.#attachedAt / 1000) };
  }

  /** Sets the last offset that an earlier run has handled. Call this before `begin`. */
  keep(handled: number | undefined, kept: KeptOffset): void {
    this.#position = new StreamPosition(handled);
    this.#unchecked = handled;
    this.#kept = kept;
  }

  /** Throws CONFIG for settings with which RabbitMQ refuses the consumer of a stream. */
  refuseSettings(): void {
    const { options, prefetch, queue } = this.#parts;
    const setting = options['noAck'] === true ? 'noAck' : prefetch === 0 ? 'a prefetch of 0' : undefined;
    if (setting === undefined || !this.isKnown) return;
    throw new MqError('CONFIG', `the stream '${queue()}' cannot be consumed with ${setting}`, {
      hint: 'a stream requires acknowledgements and a prefetch of at least 1',
    });
  }

  /**
   * Call this before the consumer starts on a channel. `open` returns another channel.
   * @throws MqError TOPOLOGY if the stream ends before the offset of an earlier run
   */
  async begin(open: () => Promise<Channel>): Promise<void> {
    if (this.#attachedAt !== undefined) await this.settleType();
    if (this.#unchecked !== undefined) await this.#check(this.#unchecked, open);
    if (!this.#parts.readsToEnd || !this.isKnown || this.#newMessages?.isWatching) return;
    if (this.#newMessages?.first === undefined)
      this.#newMessages = await NewMessages.open(await open(), this.#parts.queue());
  }

  /** Call this when the broker has accepted the consumer. */
  attached(): void {
    this.#attachedAt ??= time.date();
  }

  end(): void {
    this.#newMessages?.close();
  }

  /**
   * Returns the offset of a message in a stream. A publisher can also write this header, so it counts only if the queue
   * can be a stream. A stream never sets `redelivered`.
   */
  offsetOf(raw: RawMessage): number | undefined {
    const offset = offsetOf(raw);
    if (offset === undefined || this.isKnown) return offset;
    return this.#parts.declared() || this.#type !== undefined || raw.fields.redelivered ? undefined : offset;
  }

  /** Reports whether a message must be handled, rather than being handled already or newer than the end. */
  accept(offset: number): boolean {
    if (this.#isAfterEnd(offset)) return false;
    const isNew = this.#position.deliver(offset);
    return isNew || !this.isKnown;
  }

  /**
   * Records that a message is handled. Returns `true` if it is not delivered again. `wasSent` is `false` if its channel
   * was lost before the acknowledgement. A queue that may not be a stream then delivers the message again.
   */
  settle(offset: number, wasSent: boolean): boolean {
    if (!this.isKnown && !wasSent) return false;
    const before = this.#position.handled;
    this.#position.settle(offset);
    const { handled } = this.#position;
    if (handled !== undefined && handled !== before) this.#kept?.onHandled(handled);
    return this.isKnown;
  }

  /** Returns 1 if the stream has another message to receive, otherwise 0. */
  async ready(open: () => Promise<Channel>): Promise<number> {
    const { last } = this.#position;
    if (last !== undefined && this.#isAfterEnd(last + 1)) return 0;
    const from = last === undefined ? this.#offset : last + 1;
    const next = await firstOffset(await open(), this.#parts.queue(), this.#argumentsAt(from));
    return Number(next !== undefined && !this.#isAfterEnd(next));
  }

  /** Checks that the stream still contains the position of an earlier run, and reports what is missing after it. */
  async #check(handled: number, open: () => Promise<Channel>): Promise<void> {
    const removed = await this.#removedAfter(handled, open);
    this.#unchecked = undefined;
    if (removed > 0) this.#kept?.onRemoved(removed);
  }

  /**
   * Returns the number of messages after the position that retention has removed.
   * @throws MqError TOPOLOGY if the stream ends before the position, because it was deleted and declared again
   */
  async #removedAfter(handled: number, open: () => Promise<Channel>, quietMs = usualQuietMs): Promise<number> {
    const name = this.#parts.queue();
    const ask = async (offset: StreamOffset) => firstOffset(await open(), name, { [argument]: offset }, quietMs);
    const first = await ask(handled);
    if (first !== undefined) return Math.max(0, first - handled - 1);
    const last = await ask('last');
    const isThere = last !== undefined && last >= handled;
    // The answer was late. A broker whose disk is slow needs seconds for it.
    if (isThere || (quietMs < longestQuietMs && (await mayHave(handled, { last, name, open, ask }))))
      return this.#removedAfter(handled, open, Math.min(2 * quietMs, longestQuietMs));
    const end = last === undefined ? 'is empty' : `ends near offset ${last}`;
    throw new MqError('TOPOLOGY', `the stream '${name}' ${end}, but the stored offset is ${handled}`, {
      hint: 'it was probably deleted and declared again; delete the stored offset to start again',
    });
  }

  #isAfterEnd(offset: number): boolean {
    return offset >= (this.#newMessages?.first ?? Number.POSITIVE_INFINITY);
  }

  /** Returns the arguments of the consumer, which may contain a filter, with another position. */
  #argumentsAt(offset: StreamOffset | undefined): Plain {
    return { ...objectOf(this.#parts.options['arguments']), ...(offset !== undefined && { [argument]: offset }) };
  }
}

interface Asking {
  /** Offset of a message in the last chunk, if it has arrived. */
  readonly last: number | undefined;
  readonly name: string;
  readonly open: () => Promise<Channel>;
  readonly ask: (offset: StreamOffset) => Promise<number | undefined>;
}

/** Returns `false` if the number of messages shows that the stream ends before the offset. */
async function mayHave(offset: number, { last, name, open, ask }: Asking): Promise<boolean> {
  const channel = await open();
  const count = await readyCount(channel, name);
  endChannel(channel);
  if (count === 0 || last === undefined) return count > 0;
  const oldest = await ask('first');
  return oldest === undefined || oldest + count > offset;
}

function configuredOffset(options: Plain): StreamOffset | undefined {
  const given = objectOf(options['arguments'])[argument];
  if (given === undefined) return undefined;
  const parsed = parseOffsetArgument(given);
  if ('offset' in parsed) return parsed.offset;
  throw new MqError('CONFIG', `${argument} of the subscription is not valid: ${parsed.problem}`);
}
