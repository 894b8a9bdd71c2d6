// Reads the name, the lifetime and the arguments of a subscription's queue from Rascal's configuration.

import type { RascalQueueConfig, RascalVhostConfig } from 'rascal/lib/amqp/Vhost.js';
import { time } from '../../time.ts';

type Arguments = Readonly<Record<string, unknown>>;

export class SubscriptionQueue {
  readonly #queue: RascalQueueConfig | undefined;
  readonly #source: string;
  readonly #isChecked: boolean;

  /**
   * `queue` is the entry of the vhost's `queues`. `source` is the name if there is no entry. `isChecked` is `true` if
   * mq would declare the queue, but only checks that it exists (`"declare": false`).
   */
  constructor(queue: RascalQueueConfig | undefined, source: string, isChecked = false) {
    this.#queue = queue;
    this.#source = source;
    this.#isChecked = isChecked;
  }

  /** The broker's current name. The name of an exclusive queue with a random part changes with each lost connection. */
  get name(): string {
    return this.#queue?.fullyQualifiedName ?? this.#source;
  }

  /** `true` if the name has a random part and the queue is deleted with the connection. */
  get isOwn(): boolean {
    return typeof this.#queue?.replyTo === 'string';
  }

  /** `true` if the queue is deleted when its only consumer or its connection ends. */
  get isTransient(): boolean {
    const { exclusive, autoDelete } = this.#queue?.options ?? {};
    return exclusive === true || autoDelete === true;
  }

  /**
   * Arguments with which the queue is declared. `undefined` if rascal.json leaves the declaration to another client.
   * With `"declare": false`, mq apply has declared the queue with the arguments of the file.
   */
  get declaredArguments(): Arguments | undefined {
    if (this.#queue?.assert !== true && !this.#isChecked) return undefined;
    const { deadLetterExchange: exchange, arguments: given } = this.#queue?.options ?? {};
    const all: Arguments = { ...(exchange !== undefined && { 'x-dead-letter-exchange': exchange }), ...given };
    if (this.#queue?.assert === true || given?.['x-queue-type'] !== 'classic') return all;
    // A check does not show the type. If it is not classic on the broker, the headers of messages show that.
    const { 'x-queue-type': _, ...others } = all;
    return others;
  }
}

/**
 * Renames exclusive queues after a lost connection. RabbitMQ 4.3 keeps an exclusive queue locked (405) while the node
 * of its connection is down. Rascal declares the same names at each reconnect, so a queue with a random part in its
 * name (replyTo) gets a new one.
 */
export function renameOwnQueues({ queues }: RascalVhostConfig): void {
  for (const queue of Object.values(queues)) {
    if (typeof queue.replyTo !== 'string' || queue.options?.exclusive !== true) continue;
    const former = queue.replyTo;
    queue.replyTo = time.randomUUID();
    queue.fullyQualifiedName = queue.fullyQualifiedName.slice(0, -former.length) + queue.replyTo;
  }
}
