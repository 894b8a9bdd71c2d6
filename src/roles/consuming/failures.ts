// Settles messages whose handler did not succeed. `decision.ts` decides, and `retries.ts` publishes.

import { requeueMs } from '../../config/retry-queues.ts';
import type { RetryConfig } from '../../config/role.ts';
import type { Say } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { Message } from '../../handlers/handler.ts';
import { messageFields } from '../../handlers/message-fields.ts';
import type { Delivery } from '../../session/consumer.ts';
import type { Counts } from '../../session/counts.ts';
import { headerNames, isOfQueue } from '../message.ts';
import { type Decision, decide, type Failure } from './decision.ts';
import type { PendingDelivery } from './delivery-queue.ts';
import { pause } from './pause.ts';
import type { Retries, Whereabouts } from './retries.ts';
import { forgetsReturns, isStream, returnLimit, type WorkQueue } from './work-queue.ts';

interface FailuresParts {
  readonly retries: Retries;
  readonly config: RetryConfig;
  /** `false` for handlers that cannot fail. Attempts are not counted then. */
  readonly canFail: boolean;
  /** Maximum size of a body in bytes. No handler receives a larger one. */
  readonly maxBody: number | undefined;
  readonly workQueue: () => WorkQueue;
  readonly counts: Counts;
  readonly say: Say;
  /** Aborts when the role stops. */
  readonly drain: AbortSignal;
}

/** Result of settling a message whose handler failed. */
export interface Settled {
  /** `true` if the message is not delivered again without a new publish. */
  readonly isDone: boolean;
  /** The message as its next attempt. The handler receives it again without a new delivery. */
  readonly again?: Message;
  /** `true` if the broker delivers the message again, so that it does not count for --count. */
  readonly comesAgain?: boolean;
  /** Error that ends the role. */
  readonly end?: MqError;
}

interface Verdict {
  readonly type: 'dead-letter' | 'renew' | 'count';
  readonly reason: string;
  /** Number of the last attempt, if the message has had one. */
  readonly attempt?: number;
}

const done: Settled = { isDone: true };
/** The mark `redelivered` does not tell these causes apart. */
const unfinished = 'its worker, its connection or the broker ended before the outcome arrived';

export class Failures {
  readonly #parts: FailuresParts;

  constructor(parts: FailuresParts) {
    this.#parts = parts;
  }

  /**
   * Decides what happens to a message before a handler may receive it: `dead-letter` if no handler may, `renew` if it
   * must be published again first, `count` if an attempt must be counted first. Returns `undefined` if a handler may
   * have it now.
   */
  verdict(taken: PendingDelivery): Verdict | undefined {
    const { config, canFail, maxBody = Number.POSITIVE_INFINITY } = this.#parts;
    const { message, isUncounted, isNearlyDropped } = taken;
    const { length } = message.body;
    if (length > maxBody)
      return { type: 'dead-letter', reason: `a body of ${length} bytes is over --max-body ${maxBody}` };
    const renewal = isNearlyDropped
      ? ({ type: 'renew', reason: 'the broker is about to drop it' } as const)
      : undefined;
    // A message that no handler has seen is never discarded.
    if (config.deadLetter === false || !canFail) return renewal;
    const { attempt, unreadable, headers, fields } = message;
    if (unreadable !== undefined) return { type: 'dead-letter', reason: unreadable };
    if (headers[headerNames.pending] === true && isOfQueue(headers, fields.queue))
      return { type: 'dead-letter', reason: String(headers[headerNames.reason]) };
    const ends = taken.ends + Number(isUncounted);
    const ended = attempt + Number(isUncounted) - 1;
    const isLimited = config.onFail !== 'requeue' && config.onFail !== 'exit';
    if (ends > 0 && (isLimited ? ended : ends) >= config.attempts) {
      const reason = `${isLimited ? ended : ends} attempts ended without an outcome`;
      return { type: 'dead-letter', reason, attempt: ended };
    }
    if (renewal) return renewal;
    return isUncounted ? { type: 'count', reason: unfinished } : undefined;
  }

  /** Carries out the verdict. Returns `undefined` if that is not possible and the handler may receive the message. */
  async act(taken: PendingDelivery, { type, reason, attempt }: Verdict): Promise<Settled | undefined> {
    const { delivery, message, ends } = taken;
    const { retries } = this.#parts;
    switch (type) {
      case 'dead-letter':
        return this.settle(delivery, { ...message, attempt: attempt ?? message.attempt }, { type, reason });
      case 'renew':
        if (!(await retries.renew(message, ends))) return undefined;
        delivery.ack();
        return done;
      case 'count':
        this.#tell('retry', message, `attempt ${message.attempt} failed: ${reason}`);
        return this.#place(delivery, await retries.again(message, reason, ends + 1), { message, reason });
    }
  }

  /** Applies the configured policy to the failure. `end` is set if the role must end. */
  async settle(delivery: Delivery, message: Message, failure: { type: Failure; reason: string }): Promise<Settled> {
    const { reason } = failure;
    const decision = this.#decide(failure.type, message);
    const settled = await this.#carryOut(delivery, message, { decision, reason });
    if (!decision.isEnd) return settled;
    const why = `attempt ${message.attempt} failed: ${reason}`;
    const where = decision.action === 'back' ? 'back to its queue' : 'to the dead-letter queue';
    return { ...settled, end: new MqError('ANSWER_NO', why, { hint: `the message went ${where} (--on-fail exit)` }) };
  }

  /**
   * Returns a message without an outcome to its queue without using an attempt. If basic.nack would leave a mark that
   * the next worker counts as an attempt, mq publishes the message to the end of the queue instead. The order suffers
   * no more than with a nack, because the next worker would send the message through a wait queue.
   */
  async handBack({ delivery, message, ends }: Pick<PendingDelivery, 'delivery' | 'message' | 'ends'>): Promise<void> {
    const { retries, workQueue, counts, canFail } = this.#parts;
    if (delivery.isRequeued) return;
    const isTraceless = !canFail || forgetsReturns(workQueue(), message.headers);
    const isRenewed = !isTraceless && (await retries.renew(message, ends).catch(() => false));
    if (isRenewed ? delivery.ack() : delivery.nack(true)) counts.handedBack += 1;
  }

  #decide(failure: Failure, message: Message): Decision {
    const { config, workQueue } = this.#parts;
    return decide(failure, {
      onFail: config.onFail ?? 'retry',
      attempt: message.attempt,
      attempts: config.attempts,
      returnLimit: returnLimit(workQueue(), message.headers),
      hasDeadLetters: config.deadLetter !== false,
    });
  }

  async #carryOut(
    delivery: Delivery,
    message: Message,
    { decision: { action, isEnd }, reason }: { decision: Decision; reason: string },
  ): Promise<Settled> {
    const { retries, counts, workQueue } = this.#parts;
    const failed = `attempt ${message.attempt} failed: ${reason}`;
    switch (action) {
      case 'drop':
        this.#tellEnd('drop', message, `dropped: ${reason}`);
        if (delivery.ack()) counts.rejected += 1;
        return done;
      case 'reject': {
        const isGone = workQueue().declared && workQueue().declared?.['x-dead-letter-exchange'] === undefined;
        if (isGone) this.#tellEnd('drop', message, `dropped, there are no dead letters: ${reason}`);
        else this.#tellEnd('reject', message, `rejected, for the dead-letter exchange of its queue: ${reason}`);
        if (delivery.reject(false)) counts.rejected += 1;
        return done;
      }
      case 'dead-letter':
        this.#tellDead(message, reason);
        return this.#place(delivery, await retries.deadLetter(message, reason));
      case 'back':
      case 'retry':
        if (isEnd) return this.#backAtTheEnd(delivery, message, reason);
        this.#tell(action === 'back' ? 'requeue' : 'retry', message, `${failed}${sequel[action]}`);
        if (isStream(workQueue(), message.headers)) return this.#inProcess(delivery, message, action);
        return this.#place(
          delivery,
          action === 'back' ? await retries.goBack(message, reason) : await retries.again(message, reason),
          { message, reason },
        );
    }
  }

  /**
   * Pauses before the role ends, because its supervisor may restart it at once. The message returns to its queue
   * afterwards. If the role is stopped during the pause, by a signal or by another message, the message goes to the
   * wait queue.
   */
  async #backAtTheEnd(delivery: Delivery, message: Message, reason: string): Promise<Settled> {
    const { retries, drain, counts, workQueue } = this.#parts;
    await pause(requeueMs, drain);
    const isOfStream = isStream(workQueue(), message.headers);
    if (drain.aborted && !isOfStream)
      return this.#place(delivery, await retries.goBack(message, reason), { message, reason });
    const next = { ...message, attempt: message.attempt + 1 };
    const isSent = !isOfStream && (await retries.renew(next, 0, reason));
    if (isSent ? delivery.ack() : delivery.nack(true)) counts.handedBack += 1;
    return { isDone: isSent };
  }

  /** Holds a message of a stream in the process until its next attempt. */
  async #inProcess(delivery: Delivery, message: Message, action: 'back' | 'retry'): Promise<Settled> {
    const { retries, drain } = this.#parts;
    await pause(action === 'back' ? requeueMs : retries.delayOf(message), drain);
    if (!drain.aborted) return { isDone: false, again: { ...message, attempt: message.attempt + 1 } };
    delivery.nack(true);
    return { isDone: false };
  }

  async #place(
    delivery: Delivery,
    where: Whereabouts,
    unsent?: { message: Message; reason: string },
  ): Promise<Settled> {
    switch (where) {
      case 'sent':
      case 'back':
        delivery.ack();
        return done;
      case 'kept':
        if (delivery.nack(true)) this.#parts.counts.handedBack += 1;
        return { isDone: false };
      case 'unsendable':
        if (!unsent) throw new MqError('BAD_DATA', 'a message cannot be sent to the dead letters');
        return this.settle(delivery, unsent.message, { type: 'dead-letter', reason: unsent.reason });
    }
  }

  #tell(event: string, message: Message, text: string): void {
    this.#parts.say({ level: 'warn', event, message: text, fields: messageFields(message) });
  }

  /** Logs a message that is dropped. The line is the only record of it. */
  #tellEnd(event: string, message: Message, text: string): void {
    this.#parts.say({ level: 'warn', event, isRecord: true, message: text, fields: messageFields(message) });
  }

  #tellDead(message: Message, reason: string): void {
    const { say, retries } = this.#parts;
    const fields = { ...messageFields(message), target: retries.deadTarget };
    const text = `to the dead-letter queue: ${reason}`;
    say({ level: 'error', event: 'dead-letter', message: text, fields });
  }
}

const sequel = { back: '; back to its queue', retry: '' };
