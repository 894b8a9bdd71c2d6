// Routes the dead letters of a virtual host and delivers them to queues.

import type { Clock } from '../clock.ts';
import { deadMessage, isCycle } from '../queue/dead-letter.ts';
import type { Receipt } from '../queue/host.ts';
import type { Message } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { DeathReason } from '../store/contract.ts';

/** The part of a virtual host that routes dead letters and delivers them to queues. */
interface DeadLetterHost {
  readonly clock: Clock;
  readonly exchanges: ReadonlyMap<string, Exchange>;
  route(exchange: Exchange, message: Message): readonly Queue[];
  deliver(message: Message, queues: readonly Queue[]): { readonly isRefused: boolean };
  log(line: string): void;
}

interface DeadLetter {
  readonly message: Message;
  readonly queues: readonly Queue[];
  readonly receipt: Receipt<Queue> | undefined;
}

export class DeadLetters {
  readonly #vhost: DeadLetterHost;
  readonly #waiting: DeadLetter[] = [];
  /** True while a message is delivered. Dead letters that the delivery causes wait until it ends. */
  #isDelivering = false;

  constructor(vhost: DeadLetterHost) {
    this.#vhost = vhost;
  }

  /**
   * Sends a message to the dead letter exchange of its queue. The delivery may cause further dead letters, which wait until
   * it ends, so that a long chain of queues does not overflow the stack. Each letter is routed before it waits.
   * If routing throws, the caller keeps the message.
   */
  send(queue: Queue, message: Message, reason: DeathReason, receipt?: Receipt<Queue>): void {
    if (queue.settings.deadLetterExchange === undefined) {
      // The policy that named the exchange was deleted. The letter waits for another policy.
      receipt?.done(false);
      return;
    }
    const now = this.#vhost.clock.date();
    const letter = deadMessage(message, { queue, reason, now });
    this.#waiting.push({ message: letter, queues: this.#route(letter, { reason, receipt }), receipt });
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    this.#sendWaiting();
  }

  /**
   * Calls `deliver`, which delivers a message to several queues, and then sends the dead letters that it has caused.
   * RabbitMQ: a channel sends the message to all queues at once, so that it is ahead of these letters in each queue. The store
   * has the same order, because it appends the message for all queues in one record.
   */
  sendAfter<T>(deliver: () => T): T {
    if (this.#isDelivering) return deliver();
    this.#isDelivering = true;
    try {
      return deliver();
    } finally {
      this.#sendWaiting();
    }
  }

  #sendWaiting(): void {
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#sendOne(next);
    } finally {
      this.#isDelivering = false;
    }
  }

  #route(
    letter: Message,
    { reason, receipt }: { reason: DeathReason; receipt: Receipt<Queue> | undefined },
  ): readonly Queue[] {
    const exchange = this.#vhost.exchanges.get(letter.exchange);
    if (exchange === undefined) return [];
    try {
      const queues = this.#vhost.route(exchange, letter);
      return reason === 'rejected' ? queues : queues.filter(({ name }) => !isCycle(letter, name));
    } catch (error) {
      if (receipt === undefined) throw error;
      // The letter stays in its queue, and the queue tries again.
      const reason = error instanceof Error ? error.message : String(error);
      this.#vhost.log(`a dead letter cannot be routed: ${reason}`);
      return [];
    }
  }

  #sendOne({ message, queues, receipt }: DeadLetter): void {
    if (receipt === undefined) {
      this.#vhost.deliver(message, queues);
      return;
    }
    const { acceptedBy } = receipt;
    for (const queue of queues) {
      if (!acceptedBy.has(queue) && !this.#vhost.deliver(message, [queue]).isRefused) acceptedBy.add(queue);
    }
    receipt.done(queues.length > 0 && queues.every((queue) => acceptedBy.has(queue)));
  }
}
