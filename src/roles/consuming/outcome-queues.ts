// Declares the wait queues and the dead-letter queue of a role. Each is declared when it is first needed, on each new
// channel before anything is sent to it, and again if it was deleted.

import { promised } from '../../session/promised.ts';
import type { QueueOptions } from '../../session/session.ts';
import type { ConfirmChannel } from '../../session/wire.ts';

interface Declared {
  readonly options: QueueOptions;
  /** Resolves when the last declaration has ended. */
  done: Promise<void>;
  /** Number of messages to the queue without an outcome yet. */
  open: number;
}

export class OutcomeQueues {
  #channel: ConfirmChannel | undefined;
  readonly #declared = new Map<string, Declared>();

  /** Call this with each new channel before anything is sent on it. */
  async use(channel: ConfirmChannel): Promise<void> {
    this.#channel = channel;
    for (const [queue, { options }] of this.#declared) await this.#declareOn(channel, queue, options);
  }

  /** Runs `send` after the queue is declared. */
  async with<T>(queue: string, options: QueueOptions, send: () => Promise<T>): Promise<T> {
    const declared = this.#declare(queue, options);
    declared.open += 1;
    try {
      await declared.done;
      return await send();
    } finally {
      declared.open -= 1;
      // An exclusive queue and its wait queues get new names after each lost connection, so old declarations must not
      // accumulate.
      if (declared.open === 0 && isExpiring(options)) this.#declared.delete(queue);
    }
  }

  /** Causes the queue to be declared again before the next message to it. */
  forget(queue: string): void {
    this.#declared.delete(queue);
  }

  #declare(queue: string, options: QueueOptions): Declared {
    const known = this.#declared.get(queue);
    // RabbitMQ: the expiry time of a queue starts at its last declaration, and publishing does not extend it.
    if (known && !isExpiring(options)) return known;
    // A refusal closes the channel with its reason. After a lost channel, `use` declares the queue on the next one.
    const done = this.#channel
      ? this.#declareOn(this.#channel, queue, options).catch(() => undefined)
      : Promise.resolve();
    if (known) known.done = done;
    const declared = known ?? { options, done, open: 0 };
    this.#declared.set(queue, declared);
    return declared;
  }

  /**
   * Declares a queue and forgets it if the broker refuses. Otherwise the broker would refuse it on each new channel and
   * nothing could be sent. The message is then returned as unroutable, and `Retries` tries again after a pause.
   */
  async #declareOn(channel: ConfirmChannel, queue: string, options: QueueOptions): Promise<void> {
    try {
      await declare(channel, queue, options);
    } catch (error) {
      if (isRefusal(error)) this.#declared.delete(queue);
      throw error;
    }
  }
}

/** Reports whether the broker refused the declaration. In amqplib, the loss of a channel has no reply code. */
function isRefusal(error: unknown): boolean {
  return typeof Object(error).code === 'number';
}

function isExpiring({ arguments: given }: QueueOptions): boolean {
  return 'x-expires' in Object(given);
}

function declare(channel: ConfirmChannel, queue: string, options: QueueOptions): Promise<unknown> {
  return promised((next) => channel.assertQueue(queue, options, next));
}
