// The behaviours `consume` and `reply`: takes messages, hands them to the handler, and does what its outcome says.
// Nothing is acknowledged before what it caused is safe: printed, replied, or confirmed in a wait or dead-letter queue.

import type { HandlerConfig, RetryConfig } from '../config/config.ts';
import { retryQueues } from '../config/retry-queues.ts';
import type { Context, Say } from '../context.ts';
import { MqError } from '../errors.ts';
import { messageParts } from '../handlers/exec-message.ts';
import type { Handler, Message, Outcome } from '../handlers/handler.ts';
import type { Consumer, Delivery } from '../session/consumer.ts';
import { type Counts, observe } from '../session/counts.ts';
import type { Publisher } from '../session/publisher.ts';
import type { Session } from '../session/session.ts';
import { Copies } from './copies.ts';
import { Failures } from './failures.ts';
import { messageOf } from './message.ts';
import { messageIds } from './outgoing.ts';
import { isClosedPipe, Printer } from './printer.ts';
import { Replies } from './replies.ts';
import { Retries } from './retries.ts';
import { aborted, interrupted } from './signal.ts';
import { type Taken, Waiting } from './waiting.ts';

export interface ConsumeSettings {
  readonly behaviour: 'consume' | 'reply';
  readonly subscription: string;
  readonly bindingKeys: readonly string[] | undefined;
  readonly prefetch: number;
  readonly concurrency: number;
  /** Milliseconds that a handler has for a message; undefined: no bound. */
  readonly handlerMs: number | undefined;
  /** Stop after so many messages. */
  readonly count: number | undefined;
  /** Stop after so long without a message. */
  readonly idleMs: number | undefined;
  readonly untilEmpty: boolean;
  readonly json: boolean;
  readonly retry: RetryConfig;
  /** In bytes: larger ones are dead-lettered. */
  readonly maxBody: number | undefined;
  /** Made before the first message is taken. */
  readonly handler: Handler;
  /** False for handlers that cannot fail: then no connection for outcomes is opened. */
  readonly canFail: boolean;
  /** The subscription's queue, as rascal.json names it. */
  readonly queue: string;
  /** Said at the start: failed messages will be lost. */
  readonly warning: string | undefined;
  readonly say: Say;
  /** Begins the time in which the handlers have to end, as a SIGTERM does. */
  readonly beginDrain: () => void;
}

/** Resolves at the orderly end (count, idle, empty, signal, closed pipe); throws what ended it otherwise. */
export async function consume(context: Context, session: Session, settings: ConsumeSettings): Promise<void> {
  const opening = session.consumer(settings.subscription, {
    prefetch: settings.prefetch,
    timeoutMs: mostInHandMs(settings),
    ...(settings.bindingKeys && { bindingKeys: settings.bindingKeys }),
  });
  const opened = await orDrain(opening, context);
  if (!opened) return;
  const { consumer, vhost } = opened.value;
  const nextId = messageIds();
  const retries = new Retries({
    queue: () => consumer.queue,
    isOwn: consumer.hasOwnQueue,
    config: settings.retry,
    nextId,
    counts: session.counts,
  });
  let publisher: Publisher | undefined;
  if (settings.canFail || settings.behaviour === 'reply') {
    const { onChannel } = retries;
    const { deadLetter } = settings.retry;
    const names = (queue: string) => retryQueues(queue, settings.retry).map(({ name }) => name);
    const outcomes = session.outcomePublisher(vhost, {
      onChannel,
      queues: names(settings.queue),
      dead: deadLetter || undefined,
      // Queues of an exclusive queue have its random name: the pattern that permits it permits them.
      later: settings.canFail && !consumer.hasOwnQueue ? names(consumer.queue) : [],
    });
    const ready = await orDrain(outcomes, context);
    if (!ready) return;
    ({ publisher } = ready.value);
    retries.use(publisher, ready.value);
  }
  const { counts } = session;
  const { say, retry: config, maxBody } = settings;
  const failures = new Failures({ retries, config, maxBody, counts, say, drain: context.drain });
  const intake = new Intake({ context, consumer, publisher, failures, nextId, settings, counts });
  await intake.run();
}

/** Undefined at a signal: at the start there is nothing to finish, and an answer of the broker may take long. */
function orDrain<T>(work: Promise<T>, { drain }: Context): Promise<{ value: T } | undefined> {
  return Promise.race([work.then((value) => ({ value })), aborted(drain)]);
}

interface IntakeParts {
  readonly context: Context;
  readonly consumer: Consumer;
  readonly publisher: Publisher | undefined;
  readonly failures: Failures;
  readonly nextId: () => string;
  readonly settings: ConsumeSettings;
  readonly counts: Counts;
}

class Intake {
  readonly #parts: IntakeParts;
  readonly #printer: Printer;
  readonly #replies: Replies;
  /** Delivered, not yet in a handler. */
  readonly #waiting: Waiting;
  /** In a handler. */
  readonly #running = new Map<Taken, Promise<void>>();
  readonly #copies = new Copies();
  readonly #ended = Promise.withResolvers<void>();
  readonly #giveUp = new AbortController();
  #started = 0;
  #isOpen = false;
  #stopping = false;
  #failure: MqError | undefined;
  #idle: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#printer = new Printer(parts.context.stdout);
    const { publisher, nextId, settings } = parts;
    this.#replies = new Replies({ publisher, nextId, say: settings.say });
    const { prefetch } = settings;
    this.#waiting = new Waiting({ counts: settings.canFail, prefetch, onReady: () => this.#fill() });
  }

  async run(): Promise<void> {
    const { context, consumer, settings } = this.#parts;
    const { say } = settings;
    consumer.on('delivery', (delivery) => this.#take(delivery));
    consumer.on('interrupted', ({ message, hint }) => {
      const text = [message, ...(hint === undefined ? [] : [hint]), 'consuming again'].join('; ');
      say({ level: 'warn', event: 'interrupted', message: text });
      this.#waiting.dropRequeued(this.#running.keys());
      this.#rest();
    });
    consumer.on('resumed', () => this.#copies.resume());
    consumer.on('fatal', (error) => this.#fail(error));
    context.stdout.once('error', (error: Error) => this.#onStdoutError(error));
    const stop = () => this.#stop();
    const abandon = () => this.#giveUp.abort();
    context.drain.addEventListener('abort', stop, { once: true });
    context.abandon.addEventListener('abort', abandon, { once: true });
    try {
      if (context.drain.aborted) return;
      if (await orDrain(consumer.start(), context)) {
        const { queue } = consumer;
        if (settings.warning) say({ level: 'warn', event: 'no-dead-letters', message: settings.warning });
        say({ event: 'consuming', message: `waiting for messages from ${queue}`, fields: { queue } });
        // What came with the broker's answer has waited for this line.
        this.#isOpen = true;
        this.#fill();
        this.#rest();
        await this.#ended.promise;
      }
      await consumer.stop();
      for (const delivery of this.#waiting.clear()) this.#handBack(delivery);
      await this.#runningEnds();
    } finally {
      clearTimeout(this.#idle);
      context.drain.removeEventListener('abort', stop);
      context.abandon.removeEventListener('abort', abandon);
    }
    if (this.#failure) throw this.#failure;
    if (context.abandon.aborted) throw interrupted(context);
  }

  /** Waits for the handlers; when time is up, hands back what they have not finished. */
  async #runningEnds(): Promise<void> {
    const all = Promise.all(this.#running.values());
    const { signal } = this.#giveUp;
    const givenUp = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([all, givenUp]);
    for (const { delivery } of this.#running.keys()) this.#handBack(delivery);
    this.#running.clear();
    this.#parts.counts.inFlight = 0;
  }

  #handBack(delivery: Delivery): void {
    if (delivery.nack(true)) this.#parts.counts.handedBack += 1;
  }

  #take(delivery: Delivery): void {
    if (this.#stopping) {
      this.#handBack(delivery);
      return;
    }
    clearTimeout(this.#idle);
    const message = messageOf(delivery.raw, delivery.queue);
    if (this.#copies.join(delivery, message)) return;
    this.#waiting.add(delivery, message);
    this.#fill();
  }

  #fill(): void {
    const { concurrency, count = Number.POSITIVE_INFINITY } = this.#parts.settings;
    while (this.#isOpen && !this.#stopping && this.#running.size < concurrency && this.#started < count) {
      const taken = this.#waiting.next(this.#running.size);
      if (!taken) break;
      this.#started += 1;
      taken.delivery = this.#copies.hold(taken.delivery, taken.message);
      this.#running.set(taken, this.#handle(taken));
    }
    this.#parts.counts.inFlight = this.#running.size;
  }

  async #outcomeOf(message: Message): Promise<Outcome> {
    const { settings, counts } = this.#parts;
    const { unreadable } = message;
    if (unreadable) {
      const text = `a message is handled without headers: ${unreadable}`;
      settings.say({ level: 'warn', event: 'unreadable', message: text });
    }
    const begun = performance.now();
    const outcome = await settings.handler.handle(message, { signal: this.#giveUp.signal });
    counts.handled += 1;
    observe(counts.handlerSeconds, (performance.now() - begun) / 1000);
    return outcome;
  }

  async #handle(taken: Taken): Promise<void> {
    const { settings, context } = this.#parts;
    const { delivery } = taken;
    let isDone = true;
    try {
      isDone = await this.#answer(taken);
      if (delivery.isRequeued) this.#started -= 1;
      isDone &&= !delivery.isStale;
    } catch (error) {
      this.#handBack(delivery);
      if (isClosedPipe(error)) this.#stop();
      else
        this.#fail(
          error instanceof MqError
            ? error
            : new MqError('BUG', `a message could not be settled: ${String(error)}`, { cause: error }),
        );
    }
    this.#running.delete(taken);
    this.#copies.release(delivery);
    this.#waiting.end(taken, isDone);
    this.#parts.counts.inFlight = this.#running.size;
    if (context.abandon.aborted) return;
    if (this.#started >= (settings.count ?? Number.POSITIVE_INFINITY) && this.#running.size === 0) this.#stop();
    this.#fill();
    this.#rest();
  }

  /** Returns true if the message will not come again. */
  async #answer(taken: Taken): Promise<boolean> {
    const { settings, failures, counts } = this.#parts;
    const { delivery, message } = taken;
    const recalled = this.#copies.recall(message);
    if (recalled?.type === 'acked') {
      if (delivery.ack()) counts.acked += 1;
      return true;
    }
    if (recalled?.type === 'rejected') {
      if (delivery.reject(false)) counts.rejected += 1;
      return true;
    }
    const verdict = settings.canFail && !recalled ? failures.verdict(taken) : undefined;
    if (verdict?.type === 'retry') {
      this.#started -= 1;
      await failures.count(delivery, message, verdict.reason);
      return true;
    }
    const outcome: Outcome = recalled ?? verdict ?? (await this.#outcomeOf(message));
    if (!this.#running.has(taken) && this.#giveUp.signal.aborted) return true;
    // The broker delivers the message again, so what is published for this delivery would be a second one.
    if (delivery.isRequeued && isFailure(outcome)) {
      this.#copies.keep(message, outcome);
      return false;
    }
    return this.#settle(delivery, message, outcome);
  }

  /** Gives true if the message will not come again. */
  async #settle(delivery: Delivery, message: Message, outcome: Outcome): Promise<boolean> {
    const { settings, failures, counts } = this.#parts;
    switch (outcome.type) {
      case 'ack':
        if (settings.behaviour === 'reply') {
          const refusal = await this.#replies.send(message, outcome.reply);
          if (refusal) return failures.deadLetter(delivery, message, `the reply cannot be sent: ${refusal}`);
        }
        if (settings.json) await this.#printer.json(messageParts(message));
        else if (settings.handler.prints === 'role') await this.#printer.body(message.body);
        if (delivery.ack()) counts.acked += 1;
        return true;
      case 'retry':
        return failures.retry(delivery, message, outcome.reason);
      case 'dead-letter':
        return failures.deadLetter(delivery, message, outcome.reason);
      case 'requeue':
        return failures.requeue(delivery, message, outcome.reason);
      case 'hand-back':
        this.#handBack(delivery);
        return false;
      case 'stop':
        this.#handBack(delivery);
        // Not so the pipe of --file, which the error names.
        if (isClosedPipe(outcome.error) && outcome.error.at === undefined) this.#stop();
        else this.#fail(outcome.error);
        return false;
    }
  }

  /** Nothing in hand: start the idle clock, look whether the queue is empty. */
  #rest(): void {
    if (this.#stopping || this.#running.size > 0 || this.#waiting.size > 0) return;
    const { idleMs, untilEmpty } = this.#parts.settings;
    if (idleMs !== undefined) {
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.#stop(), idleMs);
    }
    if (untilEmpty && !this.#looking) void this.#look();
  }

  async #look(): Promise<void> {
    this.#looking = true;
    const ready = await this.#parts.consumer.ready();
    this.#looking = false;
    if (this.#stopping || this.#running.size > 0 || this.#waiting.size > 0) return;
    if (ready === 0) this.#stop();
    else setTimeout(() => this.#rest(), 50); // on its way here, or the connection is away
  }

  #onStdoutError(error: Error): void {
    if (isClosedPipe({ cause: error })) this.#stop();
    else this.#fail(new MqError('IO', `cannot write to stdout: ${error.message}`, { cause: error }));
  }

  #fail(error: MqError): void {
    this.#failure ??= error;
    if (!this.#stopping) this.#parts.settings.beginDrain();
    this.#stop();
  }

  #stop(): void {
    this.#stopping = true;
    this.#ended.resolve();
  }
}

/** A message waits for those before it; what follows its handler (the end of a process, a confirm) takes a minute at most. */
function mostInHandMs({ handlerMs, prefetch, concurrency }: ConsumeSettings): number | undefined {
  return handlerMs === undefined ? undefined : Math.ceil(prefetch / concurrency) * handlerMs + 60_000;
}

function isFailure({ type }: Outcome): boolean {
  return type === 'retry' || type === 'dead-letter' || type === 'requeue';
}

/** True if the handler's outcome can be other than ack. */
export function canFail(handler: HandlerConfig | { file: string }): boolean {
  return !('file' in handler) && (!('builtin' in handler) || handler.builtin === 'work');
}
