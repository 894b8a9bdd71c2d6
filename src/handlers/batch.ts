// Collects messages into one call of a handler. Each message still has its own run, outcome and acknowledgement.

import { MqError } from '../errors.ts';
import { type Timer, time } from '../time.ts';
import type { Handler, HandlerContext, Message, Outcome } from './handler.ts';
import { handBack, repeated } from './safely.ts';

export interface BatchPlan {
  /** Maximum number of messages in one call. */
  readonly size: number;
  /** Time that the first message of a batch waits for others, in milliseconds. */
  readonly waitMs: number;
  /** Maximum number of concurrent calls. */
  readonly calls: number;
}

/** Number of messages of a failed batch that are tried alone first. If all of them fail, the others are not tried. */
const mostFailures = 3;

interface WaitingMessage {
  readonly message: Message;
  readonly context: HandlerContext;
  readonly resolve: (outcome: Outcome) => void;
}

/**
 * Returns a handler whose `handle` waits until the batch is full, its first message has waited `waitMs`, or no further
 * message can arrive.
 * @throws {MqError} USAGE if the handler cannot handle batches.
 */
export function batched(handler: Handler, plan: BatchPlan): Handler {
  if (!handler.handleBatch) {
    throw new MqError(
      'USAGE',
      'this handler accepts one message at a time: --batch requires --exec-lines or --handler',
    );
  }
  const collector = new BatchCollector(handler, plan);
  return {
    prints: handler.prints,
    handle: (message, context) => new Promise((resolve) => collector.add({ message, context, resolve })),
    expectMore: (mayArrive) => collector.expectMore(mayArrive),
    close: () => handler.close(),
  };
}

class BatchCollector {
  readonly #handler: Handler;
  readonly #plan: BatchPlan;
  #entries: WaitingMessage[] = [];
  #calls = 0;
  #timer: Timer | undefined;
  #isDue = false;
  #isComplete = false;

  constructor(handler: Handler, plan: BatchPlan) {
    this.#handler = handler;
    this.#plan = plan;
  }

  add(entry: WaitingMessage): void {
    this.#entries.push(entry);
    this.#timer ??= time.after(this.#plan.waitMs, () => {
      this.#isDue = true;
      this.#start();
    });
    this.#start();
  }

  expectMore(mayArrive: boolean): void {
    this.#isComplete = !mayArrive;
    this.#start();
  }

  #start(): void {
    const { size, calls } = this.#plan;
    const mayStart = () => this.#isComplete || this.#isDue || this.#entries.length >= size;
    while (this.#calls < calls && this.#entries.length > 0 && mayStart()) {
      const batch = this.#entries.splice(0, size);
      if (this.#entries.length === 0) {
        this.#timer?.cancel();
        this.#timer = undefined;
        this.#isDue = false;
      }
      void this.#call(batch);
    }
  }

  async #call(batch: readonly WaitingMessage[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    this.#calls += 1;
    const messages = batch.map(({ message }) => message);
    // The signal of the first message is enough, because all messages of a role are aborted together.
    const outcomes = await this.#outcomesOf(messages, first.context);
    this.#calls -= 1;
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] ?? handBack);
    this.#start();
  }

  /** Returns the outcomes of a batch. If the call fails as a whole, each message is tried alone to find the cause. */
  async #outcomesOf(messages: readonly Message[], context: HandlerContext): Promise<Outcome[]> {
    const outcomes = [
      ...((await this.#handler.handleBatch?.(messages, context)) ?? repeated(handBack, messages.length)),
    ];
    let hasOtherOutcome = false;
    for (const [index, message] of messages.entries()) {
      if (!isOfBatch(outcomes[index])) continue;
      const [outcome = handBack] = (await this.#handler.handleBatch?.([message], context)) ?? [];
      outcomes[index] = outcome;
      hasOtherOutcome ||= outcome.type !== 'retry';
      if (outcome.type === 'stop') return outcomes.map((one) => (isOfBatch(one) ? handBack : one));
      // If all of these messages also fail alone, no single message is the cause.
      if (!hasOtherOutcome && index + 1 === mostFailures) break;
    }
    return outcomes;
  }
}

function isOfBatch(outcome: Outcome | undefined): boolean {
  return outcome?.type === 'retry' && outcome.isOfBatch === true;
}
