// The messages of one consumer: hands them to the handler, and does what its outcome says. Nothing is acknowledged before
// what it caused is safe: printed, replied, or confirmed in a wait or dead-letter queue.

import { setTimeout as delay } from 'node:timers/promises';
import { durationText } from '../config/duration.ts';
import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import { messageParts } from '../handlers/exec-message.ts';
import type { Message, Outcome } from '../handlers/handler.ts';
import { messageFields } from '../handlers/message-fields.ts';
import type { Consumer, Delivery } from '../session/consumer.ts';
import { type Counts, observe } from '../session/counts.ts';
import { isConnectionLoss } from '../session/failure.ts';
import type { Publisher } from '../session/publisher.ts';
import type { ConsumeSettings } from './consume-settings.ts';
import { Copies } from './copies.ts';
import type { Failures, Settled } from './failures.ts';
import { messageOf } from './message.ts';
import { Pace } from './pace.ts';
import { pause } from './pause.ts';
import { isClosedPipe, Printer } from './printer.ts';
import { Replies } from './replies.ts';
import { interrupted, orDrain, stopping } from './signal.ts';
import { type Taken, Waiting } from './waiting.ts';

/** Milliseconds between the signals of a supervisor to a handler and to mq. */
const supervisorMs = 250;

/** Milliseconds in which the messages on their way back have to be there, after the second signal. */
const lastMs = 1000;

export interface IntakeParts {
  readonly context: Context;
  readonly consumer: Consumer;
  readonly publisher: Publisher | undefined;
  readonly failures: Failures;
  readonly nextId: () => string;
  readonly settings: ConsumeSettings;
  readonly counts: Counts;
  /** The broker is about to drop the message. */
  readonly isDoomed: (message: Message) => boolean;
}

export class Intake {
  readonly #parts: IntakeParts;
  readonly #printer: Printer;
  readonly #replies: Replies;
  /** Delivered, not yet in a handler. */
  readonly #waiting: Waiting;
  /** In a handler. */
  readonly #running = new Map<Taken, Promise<void>>();
  readonly #copies = new Copies();
  /** On their way back to their queue. */
  readonly #returns = new Set<Promise<void>>();
  readonly #ended = Promise.withResolvers<void>();
  /** The broker delivers nothing more. */
  readonly #cancelled = Promise.withResolvers<void>();
  readonly #giveUp = new AbortController();
  readonly #pace: Pace;
  #paced: NodeJS.Timeout | undefined;
  #started = 0;
  #isOpen = false;
  #stopping = false;
  #failure: MqError | undefined;
  #idle: NodeJS.Timeout | undefined;
  #life: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#printer = new Printer(parts.context.stdout);
    const { publisher, nextId, settings } = parts;
    this.#replies = new Replies({ publisher, nextId, say: settings.say });
    const { prefetch, canFail } = settings;
    this.#pace = new Pace(settings.intervalMs);
    this.#waiting = new Waiting({
      counts: canFail,
      prefetch,
      isNearlyDropped: parts.isDoomed,
      onReady: () => this.#fill(),
    });
  }

  async run(): Promise<void> {
    const { context, consumer, settings } = this.#parts;
    const { say } = settings;
    consumer.on('delivery', (delivery) => this.#take(delivery));
    consumer.on('interrupted', (error) => {
      const { message, hint } = error;
      const text = [message, ...(hint === undefined ? [] : [hint]), 'consuming again'].join('; ');
      say({ level: isConnectionLoss(error) ? 'debug' : 'warn', event: 'interrupted', message: text });
      this.#waiting.dropRequeued(this.#running.keys());
      this.#rest();
    });
    consumer.on('resumed', () => this.#copies.resume());
    consumer.on('standby', ({ message }) => {
      say({ level: 'warn', event: 'standby', message: `${message}; this role stands by` });
      this.#rest();
    });
    consumer.on('active', () => {
      if (this.#isOpen) this.#sayConsuming();
    });
    consumer.on('fatal', (error) => this.#fail(error));
    context.stdout.once('error', (error: Error) => this.#onStdoutError(error));
    const stop = () => this.#stopAtSignal();
    const abandon = () => this.#giveUp.abort();
    context.drain.addEventListener('abort', stop, { once: true });
    context.abandon.addEventListener('abort', abandon, { once: true });
    try {
      if (context.drain.aborted) return;
      const starting = consumer.start().then(() => true);
      // While it stands by, --idle can end it.
      const started = await orDrain(Promise.race([starting, this.#ended.promise.then(() => false)]), context);
      if (started?.value) {
        for (const message of settings.warnings) say({ level: 'warn', event: 'no-dead-letters', message });
        this.#sayConsuming();
        // What came with the broker's answer has waited for this line.
        this.#isOpen = true;
        const { maxTimeMs } = settings;
        if (maxTimeMs !== undefined) this.#life = setTimeout(() => this.#expire(), maxTimeMs);
        this.#fill();
        this.#rest();
        await this.#ended.promise;
      }
      await consumer.stop();
      this.#cancelled.resolve();
      for (const taken of this.#waiting.clear()) void this.#returning(this.#parts.failures.returnUnhandled(taken));
      await this.#runningEnds();
    } finally {
      clearTimeout(this.#idle);
      clearTimeout(this.#life);
      clearTimeout(this.#paced);
      context.drain.removeEventListener('abort', stop);
      context.abandon.removeEventListener('abort', abandon);
    }
    if (this.#failure) throw this.#failure;
    if (context.abandon.aborted) throw interrupted(context);
  }

  #sayConsuming(): void {
    const { queue } = this.#parts.consumer;
    this.#parts.settings.say({ event: 'consuming', message: `waiting for messages from ${queue}`, fields: { queue } });
  }

  /** Waits for the handlers; when time is up, hands back what they have not finished. */
  async #runningEnds(): Promise<void> {
    const all = Promise.all([...this.#running.values(), ...this.#returns]);
    const { signal } = this.#giveUp;
    const givenUp = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([all, givenUp]);
    for (const { delivery } of this.#running.keys()) if (delivery.nack(true)) this.#parts.counts.handedBack += 1;
    this.#running.clear();
    this.#parts.counts.inFlight = 0;
    await Promise.race([Promise.all(this.#returns), delay(lastMs)]);
  }

  #take(delivery: Delivery): void {
    const message = messageOf(delivery.raw, delivery.queue);
    if (!this.#stopping) clearTimeout(this.#idle);
    // A copy that waits could be lost with its channel, and the broker would drop it.
    if (!this.#parts.isDoomed(message) && this.#copies.join(delivery, message)) return;
    this.#waiting.add(delivery, message);
    if (this.#stopping) return; // it goes back once the broker delivers nothing more
    this.#fill();
  }

  #fill(): void {
    const { concurrency, count = Number.POSITIVE_INFINITY } = this.#parts.settings;
    while (this.#isOpen && !this.#stopping && this.#running.size < concurrency && this.#started < count) {
      const { waitMs } = this.#pace;
      if (waitMs > 0) {
        this.#fillAfter(waitMs);
        break;
      }
      const taken = this.#waiting.next(this.#running.size);
      if (!taken) break;
      this.#pace.begin();
      this.#started += 1;
      taken.delivery = this.#copies.hold(taken.delivery, taken.message);
      this.#running.set(taken, this.#handle(taken));
    }
    this.#parts.counts.inFlight = this.#running.size;
  }

  #fillAfter(waitMs: number): void {
    this.#paced ??= setTimeout(() => {
      this.#paced = undefined;
      this.#fill();
    }, waitMs);
  }

  async #outcomeOf(message: Message): Promise<Outcome> {
    const { settings, counts } = this.#parts;
    const { unreadable } = message;
    if (unreadable) {
      const text = `a message is handled without headers: ${unreadable}`;
      settings.say({ level: 'warn', event: 'unreadable', message: text, fields: messageFields(message) });
    }
    const begun = performance.now();
    const outcome = await settings.handler.handle(message, { signal: this.#giveUp.signal });
    counts.handled += 1;
    const tookMs = performance.now() - begun;
    observe(counts.handlerSeconds, tookMs / 1000);
    if (outcome.type === 'ack' && settings.isDebug) {
      const fields = { ...messageFields(message), milliseconds: Math.round(tookMs) };
      settings.say({ level: 'debug', event: 'handled', message: `handled in ${durationText(tookMs)}`, fields });
    }
    return outcome;
  }

  async #handle(taken: Taken): Promise<void> {
    const { settings, context } = this.#parts;
    const { delivery } = taken;
    let isDone = false;
    try {
      const settled = await this.#attempt(taken);
      isDone = settled.isDone && !delivery.isStale;
      if (delivery.isRequeued) this.#started -= 1;
      if (settled.end) this.#fail(settled.end);
    } catch (error) {
      if (isClosedPipe(error)) this.#stop();
      else
        this.#fail(
          error instanceof MqError
            ? error
            : new MqError('BUG', `a message could not be settled: ${String(error)}`, { cause: error }),
        );
      await this.#handBack(taken);
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

  async #attempt(taken: Taken): Promise<Settled> {
    const { failures, counts } = this.#parts;
    const { delivery } = taken;
    const recalled = this.#copies.recall(taken.message);
    if (recalled?.type === 'acked') {
      if (delivery.ack()) counts.acked += 1;
      return { isDone: true };
    }
    if (recalled?.type === 'rejected') {
      if (delivery.reject(false)) counts.rejected += 1;
      return { isDone: true };
    }
    if (recalled) return this.#settle(taken, taken.message, recalled);
    const verdict = failures.verdict(taken);
    const settled = verdict && (await failures.act(taken, verdict));
    if (settled) {
      if (verdict.type !== 'dead-letter') this.#started -= 1;
      return settled;
    }
    for (let { message } = taken; ; ) {
      const outcome = await this.#outcomeOf(message);
      if (!this.#running.has(taken)) return { isDone: false }; // it was handed back meanwhile
      // The broker delivers the message again, so what is published for this delivery would be a second one.
      if (delivery.isRequeued && isFailure(outcome)) {
        this.#copies.keep(message, outcome);
        return { isDone: false };
      }
      const { again, ...result } = await this.#settle(taken, message, outcome);
      if (!again) return result;
      message = again;
    }
  }

  async #settle(taken: Taken, message: Message, outcome: Outcome): Promise<Settled> {
    const { settings, failures, counts } = this.#parts;
    const { delivery } = taken;
    switch (outcome.type) {
      case 'ack':
        if (settings.behaviour === 'reply') {
          const refusal = await this.#replies.send(message, outcome.reply);
          const reason = `the reply cannot be sent: ${refusal}`;
          if (refusal) return failures.settle(delivery, message, { type: 'dead-letter', reason });
        }
        if (settings.json) await this.#printer.json(messageParts(message));
        else if (settings.handler.prints === 'role') await this.#printer.body(message.body);
        if (delivery.ack()) counts.acked += 1;
        return { isDone: true };
      case 'retry':
        if (!outcome.wasTerminated || !(await this.#isDraining())) return failures.settle(delivery, message, outcome);
        await this.#handBack(taken);
        return { isDone: false };
      case 'dead-letter':
      case 'requeue':
        return failures.settle(delivery, message, outcome);
      case 'hand-back':
        await this.#handBack(taken);
        return { isDone: false };
      case 'stop':
        // Not so the pipe of --file, which the error names.
        if (isClosedPipe(outcome.error) && outcome.error.at === undefined) this.#stop();
        else this.#fail(outcome.error);
        await this.#handBack(taken);
        return { isDone: false };
    }
  }

  /** A supervisor that sends SIGTERM to the handler too may reach it first. */
  async #isDraining(): Promise<boolean> {
    const { drain } = this.#parts.context;
    await pause(supervisorMs, drain);
    return drain.aborted;
  }

  /** A role that stops waits until the broker delivers nothing more: else the message would come again at once. */
  async #handBack(taken: Taken): Promise<void> {
    const { failures, counts } = this.#parts;
    const { delivery } = taken;
    if (this.#stopping) await this.#cancelled.promise;
    // What is not in hand any more has its answer.
    if (!this.#running.delete(taken)) return;
    if (!this.#giveUp.signal.aborted) await this.#returning(failures.handBack(taken));
    else if (delivery.nack(true)) counts.handedBack += 1;
  }

  async #returning(work: Promise<void>): Promise<void> {
    this.#returns.add(work);
    await work;
    this.#returns.delete(work);
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

  /** The time of --max-time is over. */
  #expire(): void {
    if (this.#stopping) return;
    this.#parts.settings.beginDrain();
    this.#stop();
  }

  #stopAtSignal(): void {
    const { settings, context } = this.#parts;
    if (this.#running.size > 0 && !this.#stopping)
      settings.say(
        stopping(this.#running.size, { drainMs: settings.drainMs, isTerminal: context.stderr.isTTY ?? false }),
      );
    this.#stop();
  }

  #stop(): void {
    this.#stopping = true;
    this.#ended.resolve();
  }
}

function isFailure({ type }: Outcome): boolean {
  return type === 'retry' || type === 'dead-letter' || type === 'requeue';
}
