// Gathers messages into one call of a handler: each of them still has a run, an outcome and an acknowledgement of its own.

import { MqError } from '../errors.ts';
import type { Handler, HandlerContext, Message, Outcome } from './handler.ts';
import { handBack, repeated } from './safely.ts';

export interface BatchPlan {
  /** The most messages of one call. */
  readonly size: number;
  /** Milliseconds that the first message of a batch waits for others. */
  readonly waitMs: number;
  /** The most calls at the same time. */
  readonly calls: number;
}

interface Entry {
  readonly message: Message;
  readonly context: HandlerContext;
  readonly resolve: (outcome: Outcome) => void;
}

/**
 * Returns a handler whose `handle` waits until a batch is full, its first message has waited `waitMs`, or no
 * further message can come.
 * @throws {MqError} USAGE if the handler takes one message at a time.
 */
export function batched(handler: Handler, plan: BatchPlan): Handler {
  if (!handler.handleBatch) {
    throw new MqError('USAGE', 'this handler takes one message at a time: --batch needs --exec-lines or --handler');
  }
  const gathering = new Gathering(handler, plan);
  return {
    prints: handler.prints,
    handle: (message, context) => new Promise((resolve) => gathering.add({ message, context, resolve })),
    expectMore: (canCome) => gathering.expectMore(canCome),
    close: () => handler.close(),
  };
}

class Gathering {
  readonly #handler: Handler;
  readonly #plan: BatchPlan;
  #entries: Entry[] = [];
  #calls = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;
  #isComplete = false;

  constructor(handler: Handler, plan: BatchPlan) {
    this.#handler = handler;
    this.#plan = plan;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#timer ??= setTimeout(() => {
      this.#isDue = true;
      this.#start();
    }, this.#plan.waitMs);
    this.#start();
  }

  expectMore(canCome: boolean): void {
    this.#isComplete = !canCome;
    this.#start();
  }

  #start(): void {
    const { size, calls } = this.#plan;
    const mayStart = () => this.#isComplete || this.#isDue || this.#entries.length >= size;
    while (this.#calls < calls && this.#entries.length > 0 && mayStart()) {
      const batch = this.#entries.splice(0, size);
      if (this.#entries.length === 0) {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#isDue = false;
      }
      void this.#call(batch);
    }
  }

  async #call(batch: readonly Entry[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    this.#calls += 1;
    const messages = batch.map(({ message }) => message);
    // Whatever gives one message up gives all of the role up: their signals are the same.
    const outcomes = (await this.#handler.handleBatch?.(messages, first.context)) ?? repeated(handBack, batch.length);
    this.#calls -= 1;
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] ?? handBack);
    this.#start();
  }
}
