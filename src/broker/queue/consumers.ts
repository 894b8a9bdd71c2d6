// Chooses the consumer that receives the next message: round robin among the ready consumers with the highest priority.

import type { Arguments } from '../codec/arguments.ts';
import type { QueueType } from './arguments.ts';
import { Deque } from './deque.ts';
import type { QueueEntry } from './entry.ts';
import type { Message } from './message.ts';

/** A consumer as its queue uses it. The channel implements it. */
export interface Consumer {
  readonly tag: string;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  readonly arguments: Arguments;
  /** True if the client has set a limit for unacknowledged messages. */
  readonly hasPrefetch: boolean;
  /** The number of unacknowledged messages of the consumer. */
  unacked: number;
  /** True while the consumer is in a line of ready consumers. `Consumers` sets it. */
  isInLine: boolean;
  /** Returns true if the consumer accepts one more message now. */
  isReady(): boolean;
  /** `entry` is undefined in no-ack mode, because the message has left the queue. */
  deliver(message: Message, redelivered: boolean, entry: QueueEntry | undefined): void;
  /** Called when the queue is deleted. The client receives basic.cancel (RabbitMQ's extension consumer_cancel_notify). */
  cancelled(): void;
  /** Called when the messages of the queue cannot be read. */
  failed(error: unknown): void;
}

export class Consumers {
  /** In order of arrival. */
  readonly all = new Set<Consumer>();
  readonly #isSingleActive: boolean;
  readonly #isQuorum: boolean;
  /** True if the active consumer receives no more messages, because another consumer replaces it after its last settlement. */
  #isYielding = false;
  /** A line of ready consumers for each priority, the highest priority first. */
  readonly #lines: { readonly priority: number; readonly line: Deque<Consumer> }[] = [];

  constructor({ isSingleActive, type }: { isSingleActive: boolean; type: QueueType }) {
    this.#isSingleActive = isSingleActive;
    this.#isQuorum = type === 'quorum';
  }

  get count(): number {
    return this.all.size;
  }

  /** The single active consumer of a queue with x-single-active-consumer; otherwise `undefined`. */
  get active(): Consumer | undefined {
    return this.#active;
  }
  #active: Consumer | undefined;

  add(consumer: Consumer): void {
    this.all.add(consumer);
    if (this.#isSingleActive) this.#active ??= consumer;
    // RabbitMQ: on a quorum queue, a consumer with a higher priority replaces the single active consumer.
    if (this.#active !== undefined && this.#isQuorum && consumer.priority > this.#active.priority) {
      this.#isYielding = true;
      this.#leaveLine(this.#active);
      this.wake(this.#active);
    }
    this.wake(consumer);
  }

  /** RabbitMQ: quorum queues ignore the flag `exclusive`, and a queue with a single active consumer refuses it. */
  isInExclusiveUse(consumer: Consumer): boolean {
    if (this.#isQuorum) return false;
    if (consumer.exclusive) return this.#isSingleActive || this.all.size > 0;
    return [...this.all].some(({ exclusive }) => exclusive);
  }

  remove(consumer: Consumer): void {
    this.all.delete(consumer);
    this.#leaveLine(consumer);
    if (this.#active === consumer) this.#activateNext();
  }

  /** Puts a consumer in line if it accepts messages. Returns true if this added a consumer to a line. */
  wake(consumer: Consumer): boolean {
    if (consumer.isInLine || !this.all.has(consumer) || !consumer.isReady()) return false;
    if (this.#isSingleActive && this.#active !== consumer) return false;
    if (this.#isYielding) return consumer.unacked === 0 && this.#activateNext();
    consumer.isInLine = true;
    this.#lineOf(consumer.priority).push(consumer);
    return true;
  }

  /** Returns the next consumer that accepts a message, and moves it to the end of its line. */
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

  /** RabbitMQ: the consumer with the highest priority becomes active, and among equal ones the one that was added first. */
  #activateNext(): boolean {
    this.#isYielding = false;
    this.#active = undefined;
    for (const other of this.all) if (other.priority > (this.#active?.priority ?? -Infinity)) this.#active = other;
    return this.#active !== undefined && this.wake(this.#active);
  }

  #leaveLine(consumer: Consumer): void {
    consumer.isInLine = false;
    const index = this.#lines.findIndex(({ priority }) => priority === consumer.priority);
    const line = this.#lines[index]?.line;
    line?.remove(consumer);
    // An empty line is removed, because any number can be a priority and lines would accumulate.
    if (line?.length === 0) this.#lines.splice(index, 1);
  }

  #lineOf(priority: number): Deque<Consumer> {
    const existing = this.#lines.find((each) => each.priority === priority);
    if (existing !== undefined) return existing.line;
    const line = new Deque<Consumer>();
    this.#lines.push({ priority, line });
    this.#lines.sort((a, b) => b.priority - a.priority);
    return line;
  }
}
