// Who of a queue's consumers gets the next message: round robin among the ready ones of the highest priority.

import { Deque } from './deque.ts';
import type { Entry } from './entry.ts';
import type { Message } from './message.ts';

/** What a queue has to know of a consumer; the channel makes it. */
export interface Consumer {
  readonly tag: string;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  /** How many it holds unacknowledged. */
  unacked: number;
  /** Stands in the row of those that are ready. */
  isInLine: boolean;
  /** Can take one more message now. */
  isReady(): boolean;
  /** `entry` is undefined in no-ack mode: there is nothing to come back. */
  deliver(message: Message, redelivered: boolean, entry: Entry | undefined): void;
  /** The queue is gone (AMQP 0-9-1 extension consumer_cancel_notify). */
  cancelled(): void;
}

export class Consumers {
  /** In order of arrival. */
  readonly all = new Set<Consumer>();
  readonly #isSingleActive: boolean;
  /** RabbitMQ: on a quorum queue a consumer with a higher priority takes over from the single active one. */
  readonly #isTakenOver: boolean;
  /** The active consumer gets nothing more, and is followed once it has settled its messages. */
  #isYielding = false;
  /** Priority → those in line; the highest first. */
  readonly #lines: { readonly priority: number; readonly line: Deque<Consumer> }[] = [];

  constructor({ isSingleActive, type }: { isSingleActive: boolean; type: 'classic' | 'quorum' }) {
    this.#isSingleActive = isSingleActive;
    this.#isTakenOver = type === 'quorum';
  }

  get count(): number {
    return this.all.size;
  }

  /** RabbitMQ: with x-single-active-consumer the one that came first; else undefined. */
  get active(): Consumer | undefined {
    return this.#active;
  }
  #active: Consumer | undefined;

  add(consumer: Consumer): void {
    this.all.add(consumer);
    if (this.#isSingleActive) this.#active ??= consumer;
    if (this.#active !== undefined && this.#isTakenOver && consumer.priority > this.#active.priority) {
      this.#isYielding = true;
      this.#leaveLine(this.#active);
      this.wake(this.#active);
    }
    this.wake(consumer);
  }

  /** RabbitMQ: quorum queues ignore the flag `exclusive`, and a queue with a single active consumer refuses it. */
  isInExclusiveUse(consumer: Consumer): boolean {
    if (this.#isTakenOver) return false;
    if (consumer.exclusive) return this.#isSingleActive || this.all.size > 0;
    return [...this.all].some(({ exclusive }) => exclusive);
  }

  remove(consumer: Consumer): void {
    this.all.delete(consumer);
    this.#leaveLine(consumer);
    if (this.#active === consumer) this.#activateNext();
  }

  /** Puts a consumer that can take messages in line. */
  wake(consumer: Consumer): boolean {
    if (consumer.isInLine || !this.all.has(consumer) || !consumer.isReady()) return false;
    if (this.#isSingleActive && this.#active !== consumer) return false;
    if (this.#isYielding) return consumer.unacked === 0 && this.#activateNext();
    consumer.isInLine = true;
    this.#lineOf(consumer.priority).push(consumer);
    return true;
  }

  /** The next consumer that can take a message, moved to the end of the line. */
  next(): Consumer | undefined {
    for (const { line } of this.#lines) {
      for (let left = line.length; left > 0; left--) {
        const consumer = line.shift();
        if (consumer === undefined) break;
        if (consumer.isReady()) {
          line.push(consumer);
          return consumer;
        }
        consumer.isInLine = false;
      }
    }
    return undefined;
  }

  /** RabbitMQ: the next is the one with the highest priority, of those the one that has waited longest. */
  #activateNext(): boolean {
    this.#isYielding = false;
    this.#active = undefined;
    for (const other of this.all) if (other.priority > (this.#active?.priority ?? -Infinity)) this.#active = other;
    return this.#active !== undefined && this.wake(this.#active);
  }

  #leaveLine(consumer: Consumer): void {
    consumer.isInLine = false;
    const place = this.#lines.findIndex(({ priority }) => priority === consumer.priority);
    const line = this.#lines[place]?.line;
    line?.remove(consumer);
    // Priorities come and go with consumers, as many as there are numbers.
    if (line?.length === 0) this.#lines.splice(place, 1);
  }

  #lineOf(priority: number): Deque<Consumer> {
    const known = this.#lines.find((row) => row.priority === priority);
    if (known !== undefined) return known.line;
    const line = new Deque<Consumer>();
    this.#lines.push({ priority, line });
    this.#lines.sort((a, b) => b.priority - a.priority);
    return line;
  }
}
