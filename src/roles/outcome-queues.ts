// The wait queues and the dead-letter queue of a role: each is declared when it is first needed, on each new channel
// before anything is sent to it, and again if it was deleted meanwhile.

import type { QueueOptions } from '../session/session.ts';
import type { ConfirmChannel } from '../session/wire.ts';

interface Declared {
  readonly options: QueueOptions;
  /** The last declaration. */
  done: Promise<void>;
  /** How many messages to it have no outcome yet. */
  open: number;
}

export class OutcomeQueues {
  #channel: ConfirmChannel | undefined;
  readonly #declared = new Map<string, Declared>();

  /** Called with each new channel, before anything is sent on it. */
  async use(channel: ConfirmChannel): Promise<void> {
    this.#channel = channel;
    for (const [queue, { options }] of this.#declared) await this.#declareOn(channel, queue, options);
  }

  /** Runs `send` once the queue is declared. */
  async with<T>(queue: string, options: QueueOptions, send: () => Promise<T>): Promise<T> {
    const declared = this.#declare(queue, options);
    declared.open += 1;
    try {
      await declared.done;
      return await send();
    } finally {
      declared.open -= 1;
      // An own queue has another name after each lost connection, and so have its wait queues: they must not add up.
      if (declared.open === 0 && isExpiring(options)) this.#declared.delete(queue);
    }
  }

  /** The queue is declared again before the next message to it. */
  forget(queue: string): void {
    this.#declared.delete(queue);
  }

  #declare(queue: string, options: QueueOptions): Declared {
    const known = this.#declared.get(queue);
    // RabbitMQ: a queue expires so long after it was last declared, whatever is published to it.
    if (known && !isExpiring(options)) return known;
    // A refusal closes the channel with its reason. A channel that is lost has a successor, on which `use` declares the
    // queue.
    const done = this.#channel
      ? this.#declareOn(this.#channel, queue, options).catch(() => undefined)
      : Promise.resolve();
    if (known) known.done = done;
    const declared = known ?? { options, done, open: 0 };
    this.#declared.set(queue, declared);
    return declared;
  }

  /**
   * Forgets a queue that the broker refuses, because it would refuse it on each new channel and nothing could be sent.
   * The message to it is then returned as unroutable, and `Retries` tries it again after a pause.
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

/** amqplib: only an answer of the broker has a reply code, not the loss of the channel. */
function isRefusal(error: unknown): boolean {
  return typeof Object(error).code === 'number';
}

function isExpiring({ arguments: given }: QueueOptions): boolean {
  return 'x-expires' in Object(given);
}

function declare(channel: ConfirmChannel, queue: string, options: QueueOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.assertQueue(queue, options, (error) => (error ? reject(error) : resolve()));
  });
}
