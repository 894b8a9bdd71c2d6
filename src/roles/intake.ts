// The messages of one subscription: hands them to the handler, and does what its outcome says. Nothing is acknowledged
// before what it caused is safe: printed, replied, or confirmed in a wait or dead-letter queue.

import { setTimeout as delay } from 'node:timers/promises';
import { durationText } from '../config/duration.ts';
import { requeueMs } from '../config/retry-queues.ts';
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
import type { IntakeGroup, Member } from './intake-group.ts';
import { pause } from './pause.ts';
import { isClosedPipe, type Printer } from './printer.ts';
import { Replies } from './replies.ts';
import { aborted, orDrain } from './signal.ts';
import { type Taken, Waiting } from './waiting.ts';

/** Milliseconds between the signals of a supervisor to a handler and to mq. */
const supervisorMs = 250;

/** Milliseconds that a handler has to end after the second signal or the end of the drain. Then its message goes back. */
const endMs = 1000;

/** Milliseconds for the publishes of the messages that go back after that. */
const lastMs = 1000;

export interface IntakeParts {
  readonly context: Context;
  readonly group: IntakeGroup;
  readonly printer: Printer;
  readonly consumer: Consumer;
  readonly publisher: Publisher | undefined;
  readonly failures: Failures;
  readonly nextId: () => string;
  readonly settings: ConsumeSettings;
  readonly counts: Counts;
  readonly read: (delivery: Delivery) => Message;
  /** The broker is about to drop the message. */
  readonly isNearlyDropped: (message: Message) => boolean;
  /** The broker drops the message when it comes back once more. */
  readonly isLastReturn: (message: Message) => boolean;
}

export class Intake implements Member {
  readonly #parts: IntakeParts;
  readonly #group: IntakeGroup;
  readonly #replies: Replies;
  /** Delivered, not yet in a handler. */
  readonly #waiting: Waiting;
  /** In a handler. */
  readonly #running = new Map<Taken, Promise<void>>();
  readonly #copies = new Copies();
  /** On their way back to their queue. */
  readonly #returns = new Map<Taken, Promise<void>>();
  /** The broker delivers nothing more. */
  readonly #cancelled = Promise.withResolvers<void>();
  #isOpen = false;
  /** It has started, or has found out that it has to wait. */
  #isSettled = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    const { publisher, nextId, settings, group } = parts;
    this.#group = group;
    const { say, mayReplyTo } = settings;
    this.#replies = new Replies({ publisher, nextId, mayReplyTo, say });
    const { prefetch, canFail } = settings;
    this.#waiting = new Waiting({
      counts: canFail,
      prefetch,
      isNearlyDropped: parts.isNearlyDropped,
      onReady: () => group.fill(),
    });
    group.join(this);
  }

  get running(): number {
    return this.#running.size;
  }

  get needsAll(): boolean {
    return this.#waiting.needsAll;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get isAtRest(): boolean {
    return this.#isSettled && this.#running.size === 0 && this.#waiting.size === 0;
  }

  begin(running: number): boolean {
    const taken = this.#isOpen ? this.#waiting.next(running) : undefined;
    if (!taken) return false;
    taken.delivery = this.#copies.hold(taken.delivery, taken.message);
    this.#running.set(taken, this.#handle(taken, this.#attempt(taken)));
    return true;
  }

  flush(): Promise<void> {
    return this.#parts.consumer.flush();
  }

  ready(): Promise<number | undefined> {
    return this.#parts.consumer.ready();
  }

  /** Resolves when the role has ended and every message has an answer. @throws what kept the consumer from starting */
  async run(): Promise<void> {
    const { context, consumer, settings } = this.#parts;
    const { say } = settings;
    const group = this.#group;
    consumer.on('delivery', (delivery) => this.#take(delivery));
    consumer.on('interrupted', (error) => {
      const { message, hint } = error;
      const text = [message, ...(hint === undefined ? [] : [hint]), 'consuming again'].join('; ');
      say({ level: isConnectionLoss(error) ? 'debug' : 'warn', event: 'interrupted', message: text });
      this.#waiting.dropRequeued(this.#running.keys());
      group.fill();
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
    consumer.on('fatal', (error) => group.fail(error));
    const starting = consumer.start().then(() => true);
    // While it stands by, --idle can end it.
    const started = await orDrain(Promise.race([starting, group.ended.then(() => false)]), context);
    if (started?.value) {
      group.open();
      this.#sayConsuming();
      // What came with the broker's answer has waited for this line.
      this.#isOpen = true;
      group.fill();
      this.#rest();
      await group.ended;
    }
    const isOver = aborted(group.giveUp).then(() => delay(endMs));
    // The broker may never answer.
    await Promise.race([consumer.stop(), isOver]);
    this.#cancelled.resolve();
    for (const taken of this.#waiting.clear()) void this.#return(taken);
    await this.#runningEnds(isOver);
  }

  #sayConsuming(): void {
    const { queue } = this.#parts.consumer;
    this.#parts.settings.say({ event: 'consuming', message: `waiting for messages from ${queue}`, fields: { queue } });
  }

  /** Waits for the handlers, and returns what they have not finished when `isOver` resolves. */
  async #runningEnds(isOver: Promise<void>): Promise<void> {
    await Promise.race([Promise.all([...this.#running.values(), ...this.#returns.values()]), isOver]);
    for (const taken of this.#running.keys()) void this.#return(taken);
    this.#running.clear();
    this.#group.tally();
    await Promise.race([Promise.all(this.#returns.values()), delay(lastMs)]);
    for (const { delivery } of this.#returns.keys()) if (delivery.nack(true)) this.#parts.counts.handedBack += 1;
  }

  #take(delivery: Delivery): void {
    const message = this.#parts.read(delivery);
    this.#group.arrived();
    // If the channel of a copy at its limit is lost again, the broker drops it: it cannot wait for the answer of a run.
    if (!this.#parts.isLastReturn(message) && this.#copies.join(delivery, message)) {
      this.#waiting.count(message);
      return;
    }
    const taken = this.#waiting.judge(delivery, message);
    if (taken.isNearlyDropped && !this.#group.isStopping) {
      // For the same reason it does not wait for a handler.
      this.#group.count();
      this.#running.set(taken, this.#handle(taken, this.#withoutHandler(taken)));
      return;
    }
    this.#waiting.add(taken);
    if (this.#group.isStopping) return; // it goes back once the broker delivers nothing more
    this.#group.fill();
  }

  async #outcomeOf(message: Message): Promise<Outcome> {
    const { settings, counts } = this.#parts;
    const { unreadable } = message;
    if (unreadable) {
      const text = `a message is handled without headers: ${unreadable}`;
      settings.say({ level: 'warn', event: 'unreadable', message: text, fields: messageFields(message) });
    }
    const begun = performance.now();
    const outcome = await settings.handler.handle(message, { signal: this.#group.giveUp });
    counts.handled += 1;
    const tookMs = performance.now() - begun;
    observe(counts.handlerSeconds, tookMs / 1000);
    if (outcome.type === 'ack' && settings.isDebug) {
      const fields = { ...messageFields(message), milliseconds: Math.round(tookMs) };
      settings.say({ level: 'debug', event: 'handled', message: `handled in ${durationText(tookMs)}`, fields });
    }
    return outcome;
  }

  /** Lets go of a message when `work` has settled it. If `work` has not, the message waits for a handler. */
  async #handle(taken: Taken, work: Promise<Settled | undefined>): Promise<void> {
    const { delivery } = taken;
    let settled: Settled | undefined;
    try {
      settled = await work;
      if (settled?.end) this.#group.fail(settled.end);
      if (!settled && this.#group.isStopping) await this.#handBack(taken);
    } catch (error) {
      if (isClosedPipe(error)) this.#group.stop();
      else
        this.#group.fail(
          error instanceof MqError
            ? error
            : new MqError('BUG', `a message could not be settled: ${String(error)}`, { cause: error }),
        );
      await this.#handBack(taken);
    }
    if (delivery.isRequeued || !settled || settled.comesAgain) this.#group.uncount();
    this.#running.delete(taken);
    this.#copies.release(delivery);
    this.#waiting.end(taken, settled?.isDone === true && !delivery.isStale);
    if (!settled && !delivery.isRequeued && !this.#group.isStopping) this.#waiting.add(taken);
    this.#group.handled();
  }

  async #attempt(taken: Taken): Promise<Settled> {
    let { message } = taken;
    let settled = await this.#withoutHandler(taken);
    // A suspect may kill this process. Then the messages that were handled before it must not count as unfinished.
    if (!settled && taken.isSuspect) await this.#group.flush();
    while (!settled || settled.again) {
      message = settled?.again ?? message;
      const outcome = await this.#outcomeOf(message);
      if (!this.#running.has(taken)) return { isDone: false }; // it was handed back meanwhile
      settled = await this.#conclude(taken, message, outcome);
    }
    return settled;
  }

  /** Settles a message that an earlier run answers, or that no handler may have. Returns undefined if a handler is needed. */
  async #withoutHandler(taken: Taken): Promise<Settled | undefined> {
    const { failures, counts } = this.#parts;
    const { delivery, message } = taken;
    const recalled = this.#copies.recall(message);
    if (recalled?.type === 'acked') {
      if (delivery.ack()) counts.acked += 1;
      return { isDone: true };
    }
    if (recalled?.type === 'rejected') {
      if (delivery.reject(false)) counts.rejected += 1;
      return { isDone: true };
    }
    if (recalled) return this.#conclude(taken, message, recalled);
    const verdict = failures.verdict(taken);
    const settled = verdict && (await failures.act(taken, verdict));
    return settled && { ...settled, comesAgain: verdict.type !== 'dead-letter' };
  }

  async #conclude(taken: Taken, message: Message, outcome: Outcome): Promise<Settled> {
    if (!taken.delivery.isRequeued || !isFailure(outcome)) return this.#settle(taken, message, outcome);
    // The broker delivers the message again, so what is published for this delivery would be a second one.
    this.#copies.keep(message, outcome);
    return { isDone: false };
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
        if (settings.json) await this.#parts.printer.json(messageParts(message));
        else if (settings.handler.prints === 'role') await this.#parts.printer.body(message.body);
        if (this.#group.isAtLast && !delivery.isRequeued) await this.#cancel();
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
        if (isClosedPipe(outcome.error) && outcome.error.at === undefined) this.#group.stop();
        else {
          this.#group.fail(outcome.error);
          // A supervisor may start the role again at once; without a pause it would receive the message again at once.
          await pause(requeueMs, this.#parts.context.drain);
        }
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
    if (this.#group.isStopping) await this.#cancelled.promise;
    // What is not in hand any more has its answer.
    if (this.#running.delete(taken)) await this.#return(taken);
  }

  /** Ends the role before the acknowledgement of its last message: the broker would deliver another one after it. */
  async #cancel(): Promise<void> {
    this.#group.stop();
    await this.#cancelled.promise;
  }

  async #return(taken: Taken): Promise<void> {
    const work = this.#parts.failures.handBack(taken);
    this.#returns.set(taken, work);
    await work;
    this.#returns.delete(taken);
  }

  #rest(): void {
    this.#isSettled = true;
    this.#group.rest();
  }
}

function isFailure({ type }: Outcome): boolean {
  return type === 'retry' || type === 'dead-letter' || type === 'requeue';
}
