// Processes the messages of one subscription: passes them to the handler and carries out its outcome. A message is
// acknowledged only after its result is safe: printed, replied, or confirmed in a wait or dead-letter queue.

import { ArrivalOrder } from '../../arrival-order.ts';
import { requeueMs } from '../../config/retry-queues.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { messageParts } from '../../handlers/exec-message.ts';
import type { Message, Outcome } from '../../handlers/handler.ts';
import type { Consumer, Delivery } from '../../session/consumer.ts';
import { isConnectionLoss } from '../../session/failure.ts';
import type { Publisher } from '../../session/publisher.ts';
import { aborted, orDrain } from '../../signal.ts';
import { isClosedPipe, type Printer } from '../../terminal/printer.ts';
import { pause } from '../../time.ts';
import { Copies } from './copies.ts';
import { DeliveryQueue, type PendingDelivery } from './delivery-queue.ts';
import { done, type Failures, type Settled } from './failures.ts';
import { HandlerRuns, type HandlerRunsParts } from './handler-runs.ts';
import type { IntakeGroup, Member } from './intake-group.ts';
import { PrintBatches } from './print-batches.ts';
import { Replies } from './replies.ts';
import { Returns } from './returns.ts';
import type { ConsumeSettings } from './settings.ts';

/** Longest time between a supervisor's signals to a handler and to mq, in milliseconds. */
const supervisorMs = 250;

/** Milliseconds that a handler may run after the second signal or the drain time before its message is returned. */
const endMs = 1000;

export interface IntakeParts extends HandlerRunsParts {
  readonly context: Context;
  readonly group: IntakeGroup;
  readonly printer: Printer;
  readonly consumer: Consumer;
  readonly publisher: Publisher | undefined;
  readonly failures: Failures;
  readonly nextId: () => string;
  readonly settings: ConsumeSettings;
  readonly read: (delivery: Delivery) => Message;
  /** Reports whether the broker is about to drop the message. */
  readonly isNearlyDropped: (message: Message) => boolean;
  /** Reports whether the broker drops the message at its next return. */
  readonly isLastReturn: (message: Message) => boolean;
}

export class Intake implements Member {
  readonly #parts: IntakeParts;
  readonly #group: IntakeGroup;
  readonly #replies: Replies;
  /** Messages that were delivered and are not in a handler yet. */
  readonly #waiting: DeliveryQueue;
  /** Messages in handlers. */
  readonly #running = new ArrivalOrder<PendingDelivery>();
  readonly #runs: HandlerRuns;
  /** Handled messages that are acknowledged when they are printed. */
  readonly #printing = new PrintBatches({
    onPrinted: (pending) => this.#finish(pending),
    onFailed: (pending, error) => this.#handle(pending, Promise.reject(error)),
  });
  readonly #copies = new Copies();
  readonly #returns: Returns;
  /** Resolves when the broker delivers no more messages. */
  readonly #cancelled = Promise.withResolvers<void>();
  #stopping: Promise<void> | undefined;
  #isOpen = false;
  /** `true` after the consumer has started, or if another consumer has exclusive access. */
  #isSettled = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    const { publisher, nextId, settings, group } = parts;
    this.#group = group;
    this.#returns = new Returns(parts.failures, parts.counts);
    this.#runs = new HandlerRuns(parts, group.giveUp);
    const { say, mayReplyTo, prefetch, canFail } = settings;
    this.#replies = new Replies({ publisher, nextId, mayReplyTo, say });
    this.#waiting = new DeliveryQueue({
      counts: canFail,
      prefetch,
      isNearlyDropped: parts.isNearlyDropped,
      isNative: parts.failures.isNative,
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

  begin(running: number, now: number): boolean {
    const pending = this.#isOpen ? this.#waiting.next(running) : undefined;
    if (!pending) return false;
    pending.delivery = this.#copies.track(pending.delivery, pending.message);
    pending.work = undefined;
    this.#running.add(pending);
    try {
      if (pending.isSuspect || this.#isWithoutHandler(pending))
        this.#track(pending, this.#attempt(pending, pending.message));
      else this.#handleAtOnce(pending, now);
    } catch (error) {
      this.#track(pending, Promise.reject(error));
    }
    return true;
  }

  flush(): Promise<void> {
    return this.#parts.consumer.flush();
  }

  ready(): Promise<number | undefined> {
    return this.#parts.consumer.ready();
  }

  /**
   * Resolves when the role has ended and every message is answered.
   * @throws the error that prevented the start
   */
  async run(): Promise<void> {
    const { context, consumer } = this.#parts;
    const group = this.#group;
    this.#listen();
    const starting = consumer.start().then(() => true);
    // While another consumer has exclusive access, --idle can end the role.
    const started = await orDrain(Promise.race([starting, group.ended.then(() => false)]), context);
    if (started?.value) {
      group.open();
      this.#sayConsuming();
      // Messages that arrived with the broker's answer are handled only after this log line.
      this.#isOpen = true;
      group.fill();
      this.#rest();
      await group.ended;
    }
    const isOver = aborted(group.giveUp).then(() => pause(endMs, { ref: false }));
    // The broker may never answer basic.cancel.
    await Promise.race([this.#stopConsumer(), isOver]);
    this.#cancelled.resolve();
    for (const pending of this.#waiting.clear()) void this.#returns.add(pending);
    await this.#runningEnds(isOver);
  }

  #listen(): void {
    const { consumer, settings } = this.#parts;
    const { say } = settings;
    consumer.on('delivery', (delivery) => this.#take(delivery));
    consumer.on('interrupted', (error) => {
      const text = [error.message, error.hint, 'consuming again'].filter((part) => part !== undefined).join('; ');
      this.#group.lost(this);
      say({ level: isConnectionLoss(error) ? 'debug' : 'warn', event: 'interrupted', message: text });
      this.#waiting.dropRequeued(this.#running);
      this.#group.fill();
      this.#rest();
    });
    consumer.on('resumed', () => this.#copies.resume());
    consumer.on('accepted', () => this.#group.resumed(this));
    consumer.on('standby', ({ message }) => {
      this.#group.resumed(this);
      say({ level: 'warn', event: 'standby', message: `${message}; this role stands by` });
      this.#rest();
    });
    consumer.on('active', () => {
      if (this.#isOpen) this.#sayConsuming();
    });
    consumer.on('fatal', (error) => this.#group.fail(error));
  }

  #sayConsuming(): void {
    const { queue } = this.#parts.consumer;
    this.#parts.settings.say({ event: 'consuming', message: `waiting for messages from ${queue}`, fields: { queue } });
  }

  /** Waits for the handlers. When `isOver` resolves, returns the messages that they have not finished. */
  async #runningEnds(isOver: Promise<void>): Promise<void> {
    await Promise.race([Promise.all([...[...this.#running].map(({ work }) => work), this.#returns.ended]), isOver]);
    for (const pending of this.#running) void this.#returns.add(pending);
    this.#running.clear();
    this.#group.tally();
    await this.#returns.end();
    this.#runs.end();
  }

  #take(delivery: Delivery): void {
    const message = this.#parts.read(delivery);
    this.#group.arrived();
    // A copy at its return limit must not wait for a running handler, because the broker drops the copy if its channel
    // is lost again.
    if (!this.#parts.isLastReturn(message) && this.#copies.join(delivery, message)) {
      this.#waiting.count(message);
      return;
    }
    const pending = this.#waiting.classify(delivery, message);
    if (pending.isNearlyDropped && !this.#group.isStopping) {
      // For the same reason, this message must not wait for a handler.
      this.#group.count();
      this.#track(pending, this.#withoutHandler(pending));
      return;
    }
    this.#waiting.add(pending);
    if (this.#group.isStopping) return; // it is returned once the broker delivers no more messages
    this.#group.fill();
  }

  /** Runs the handler. An acknowledgement without a promise is carried out at once, because promises are expensive. */
  #handleAtOnce(pending: PendingDelivery, now: number): void {
    const message = this.#runs.begin(pending.message);
    const outcome = this.#runs.run(message, now);
    const isAcknowledged = !(outcome instanceof Promise) && outcome.type === 'ack';
    if (!isAcknowledged || this.#parts.settings.behaviour === 'reply')
      return void this.#track(pending, this.#attempt(pending, message, outcome));
    this.#runs.settled(message, done);
    const printed = this.#print(message);
    if (printed === undefined) this.#finish(pending);
    else pending.work = this.#printing.add(pending, printed);
  }

  /** Acknowledges a message that is handled and printed, and releases it. */
  #finish(pending: PendingDelivery): void {
    this.#acknowledge(pending);
    this.#release(pending, done);
  }

  #track(pending: PendingDelivery, work: Promise<Settled | undefined>): void {
    this.#running.add(pending);
    pending.work = this.#handle(pending, work);
  }

  /** Releases a message after `work` has settled it. If `work` has not, the message waits for a handler. */
  async #handle(pending: PendingDelivery, work: Promise<Settled | undefined>): Promise<void> {
    let settled: Settled | undefined;
    try {
      settled = await work;
      if (settled?.end) this.#group.fail(settled.end);
      if (!settled && this.#group.isStopping) await this.#handBack(pending);
    } catch (error) {
      if (isClosedPipe(error)) this.#group.stop();
      else if (error instanceof MqError) this.#group.fail(error);
      else this.#group.fail(new MqError('BUG', `a message could not be settled: ${String(error)}`, { cause: error }));
      await this.#handBack(pending);
    }
    this.#release(pending, settled);
  }

  /** Removes a message from the lists. `settled` is `undefined` if it has no outcome. */
  #release(pending: PendingDelivery, settled: Settled | undefined): void {
    const { delivery } = pending;
    if (delivery.isRequeued || !settled || settled.isRedelivered) this.#group.uncount();
    this.#running.delete(pending);
    this.#copies.release(delivery);
    this.#waiting.end(pending, settled?.isDone === true && !delivery.isStale);
    if (!settled && !delivery.isRequeued && !this.#group.isStopping) this.#waiting.add(pending);
    this.#group.handled();
  }

  /** `begun` is the outcome of the first call of the handler, if it has been called. */
  async #attempt(pending: PendingDelivery, first: Message, begun?: Outcome | Promise<Outcome>): Promise<Settled> {
    let message = first;
    let settled = begun === undefined ? await this.#withoutHandler(pending) : undefined;
    // This message may kill the process. The messages handled before it must not count as unfinished then.
    if (!settled && pending.isSuspect) await this.#group.flush();
    for (let call = begun; !settled || settled.nextAttempt; call = undefined) {
      if (call === undefined) message = this.#runs.begin(settled?.nextAttempt ?? message);
      const outcome = await (call ?? this.#runs.run(message));
      if (!this.#running.has(pending)) return { isDone: false }; // it was handed back in the meantime
      settled = await this.#conclude(pending, message, outcome);
      this.#runs.settled(message, settled);
    }
    return settled;
  }

  /** Reports whether `#withoutHandler` may settle the message. */
  #isWithoutHandler(pending: PendingDelivery): boolean {
    return this.#copies.mayKnow(pending.message) || this.#parts.failures.verdict(pending) !== undefined;
  }

  /** Settles a message that was answered before or that no handler may receive. Returns `undefined` for others. */
  async #withoutHandler(pending: PendingDelivery): Promise<Settled | undefined> {
    const { failures, counts } = this.#parts;
    const { delivery, message } = pending;
    const recalled = this.#copies.recall(message);
    if (recalled?.type === 'acked') {
      if (delivery.ack()) counts.acked += 1;
      return { isDone: true };
    }
    if (recalled?.type === 'rejected') {
      if (delivery.reject(false)) counts.rejected += 1;
      return { isDone: true };
    }
    if (recalled) return this.#conclude(pending, message, recalled);
    const verdict = failures.verdict(pending);
    const settled = verdict && (await failures.act(pending, verdict));
    return settled && { ...settled, isRedelivered: verdict.type !== 'dead-letter' };
  }

  async #conclude(pending: PendingDelivery, message: Message, outcome: Outcome): Promise<Settled> {
    if (!pending.delivery.isRequeued || !['retry', 'dead-letter', 'requeue'].includes(outcome.type))
      return this.#settle(pending, message, outcome);
    // The broker delivers the message again, so a publish for this delivery would create a duplicate.
    this.#copies.remember(pending.message, outcome);
    return { isDone: false };
  }

  async #settle(pending: PendingDelivery, message: Message, outcome: Outcome): Promise<Settled> {
    const { settings, failures } = this.#parts;
    const { delivery } = pending;
    if ('refusal' in outcome) await this.#replies.send(message, outcome.refusal);
    switch (outcome.type) {
      case 'ack':
        if (settings.behaviour === 'reply') {
          const failure = await this.#replies.send(message, outcome.reply);
          if (failure) return this.#conclude(pending, message, failure);
        }
        await this.#print(message);
        this.#acknowledge(pending);
        return done;
      case 'retry':
        if (!outcome.wasTerminated || !(await this.#isDraining())) return failures.settle(delivery, message, outcome);
        await this.#handBack(pending);
        return { isDone: false };
      case 'dead-letter':
      case 'requeue':
        return failures.settle(delivery, message, outcome);
      case 'hand-back':
        await this.#handBack(pending);
        return { isDone: false };
      case 'stop':
        // A closed stdout is a normal end. A closed pipe of --file is a failure, and its error names the file.
        if (isClosedPipe(outcome.error) && outcome.error.at === undefined) this.#group.stop();
        else {
          this.#group.fail(outcome.error);
          // A supervisor may restart the role at once. Without a pause, the role would fail on the same message again
          // and again.
          await pause(requeueMs, { signal: this.#parts.context.drain });
        }
        await this.#handBack(pending);
        return { isDone: false };
    }
  }

  /** Prints the message if the role prints. Resolves when it may be acknowledged. */
  #print(message: Message): Promise<void> | undefined {
    const { settings, printer } = this.#parts;
    if (settings.json) return printer.json(messageParts(message));
    return settings.handler.prints === 'role' ? printer.body(message.body) : undefined;
  }

  // Before the last acknowledgement the role ends, because the broker would deliver another message after it. The broker
  // handles the methods of a channel in order, so its answer to basic.cancel is not needed.
  #acknowledge({ delivery, message }: PendingDelivery): void {
    if (this.#group.isAtLast && !delivery.isRequeued) {
      this.#group.stop();
      void this.#stopConsumer();
    }
    this.#waiting.acknowledged(message);
    if (delivery.ack()) this.#parts.counts.acked += 1;
  }

  /** Waits briefly for a signal to mq, because a supervisor may signal the handler first. */
  async #isDraining(): Promise<boolean> {
    const { drain } = this.#parts.context;
    await pause(supervisorMs, { signal: drain });
    return drain.aborted;
  }

  /**
   * Returns a message to its queue. A stopping role first waits until the broker delivers no more messages; otherwise
   * the message would be delivered again at once.
   */
  async #handBack(pending: PendingDelivery): Promise<void> {
    if (this.#group.isStopping) await this.#cancelled.promise;
    // A message that is no longer in the list has been answered.
    if (this.#running.delete(pending)) await this.#returns.add(pending);
  }

  #stopConsumer(): Promise<void> {
    this.#stopping ??= this.#parts.consumer.stop();
    return this.#stopping;
  }

  #rest(): void {
    this.#isSettled = true;
    this.#group.rest();
  }
}
