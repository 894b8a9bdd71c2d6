// Settles messages whose handler did not succeed. `decision.ts` decides, and `retries.ts` publishes.

import { requeueMs } from '../../config/retry-queues.ts';
import type { FailurePolicy, RetryConfig } from '../../config/role.ts';
import type { Say } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { Message } from '../../handlers/handler.ts';
import { messageFields } from '../../handlers/message-fields.ts';
import type { Delivery } from '../../session/consumer.ts';
import type { Counts } from '../../session/counts.ts';
import { pause, time } from '../../time.ts';
import type { Fate } from '../../tracing.ts';
import { headerNames, isOfQueue } from '../message.ts';
import { type Decision, decide, type Failure } from './decision.ts';
import type { PendingDelivery } from './delivery-queue.ts';
import type { Retries, SendResult } from './retries.ts';
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
  readonly nextAttempt?: Message;
  /** `true` if the broker delivers the message again, so that it does not count for --count. */
  readonly isRedelivered?: boolean;
  /** Fate of a message that was not handled. Default: `ack` if it is done, else `requeued`. */
  readonly fate?: Fate;
  /** Error that ends the role. */
  readonly end?: MqError;
}

interface Verdict {
  readonly type: 'dead-letter' | 'renew' | 'count' | 'mark';
  readonly reason: string;
  /** Number of the last attempt, if the message has had one. */
  readonly attempt?: number;
}

/** Fate of a message that was sent, and the message for the case that it cannot be sent. */
type AfterSending =
  | { readonly fate: Fate; readonly message: Message; readonly reason: string }
  | { readonly fate: 'dead-lettered'; readonly message?: never };

interface FailedAttempt {
  readonly type: Failure;
  readonly reason: string;
  /** Replaces the policy of the role. */
  readonly policy?: FailurePolicy;
}

/** The message is settled and is not delivered again. */
export const done: Settled = { isDone: true };
/** The mark `redelivered` does not distinguish these causes. */
const unfinishedReason = 'its worker, its connection or the broker ended before the outcome arrived';
const markedReason = `${unfinishedReason}, or a client returned it`;

export class Failures {
  readonly #parts: FailuresParts;

  constructor(parts: FailuresParts) {
    this.#parts = parts;
  }

  /**
   * Decides what happens to a message before a handler may receive it: `dead-letter` if no handler may, `renew` if it
   * must be published again first, `count` if an attempt must be counted first, `mark` if the next redelivery must count.
   * Returns `undefined` if a handler may receive it now.
   */
  verdict(pending: PendingDelivery): Verdict | undefined {
    const { config, canFail, maxBody = Number.POSITIVE_INFINITY } = this.#parts;
    const { message, isUncounted, isMarked, isNearlyDropped } = pending;
    const { length } = message.body;
    if (length > maxBody)
      return { type: 'dead-letter', reason: `a body of ${length} bytes is over --max-body ${maxBody}` };
    const renewal = isNearlyDropped
      ? ({ type: 'renew', reason: 'the broker is about to drop it' } as const)
      : undefined;
    // Without dead letters, mq never discards a message that no handler has received.
    if (config.deadLetter === false || !canFail) return renewal;
    const { attempt, unreadable, headers, fields } = message;
    if (unreadable !== undefined) return { type: 'dead-letter', reason: unreadable };
    if (headers[headerNames.pending] === true && isOfQueue(headers, fields.queue)) {
      // Any publisher can write this header, and `String` throws for a table with a field named toString.
      const reason = headers[headerNames.reason];
      return { type: 'dead-letter', reason: typeof reason === 'string' ? reason : 'its reason is missing' };
    }
    const uncounted = Number(isUncounted && isMarked);
    const unfinishedAttempts = pending.unfinishedAttempts + uncounted;
    const lastAttempt = attempt + uncounted - 1;
    const isLimited = config.onFail !== 'requeue' && config.onFail !== 'exit';
    if (unfinishedAttempts > 0 && (isLimited ? lastAttempt : unfinishedAttempts) >= config.attempts) {
      const ended = isLimited ? lastAttempt : unfinishedAttempts;
      const reason = `${ended === 1 ? '1 attempt' : `${ended} attempts`} ended without an outcome`;
      return { type: 'dead-letter', reason, attempt: lastAttempt };
    }
    if (renewal) return renewal;
    if (!isUncounted) return undefined;
    return isMarked ? { type: 'count', reason: unfinishedReason } : { type: 'mark', reason: markedReason };
  }

  /** `true` if the queue itself delays and counts the attempts. */
  get isNative(): boolean {
    return this.#parts.config.native === true;
  }

  /** Carries out the verdict. Returns `undefined` if that is not possible and the handler may receive the message. */
  async act(pending: PendingDelivery, { type, reason, attempt }: Verdict): Promise<Settled | undefined> {
    const { delivery, message, unfinishedAttempts } = pending;
    const { retries } = this.#parts;
    switch (type) {
      case 'dead-letter':
        return this.settle(delivery, { ...message, attempt: attempt ?? message.attempt }, { type, reason });
      case 'renew':
        if (!(await retries.renew(message, unfinishedAttempts))) return undefined;
        delivery.ack();
        return done;
      case 'count':
        this.#warn('retry', message, `attempt ${message.attempt} failed: ${reason}`);
        return this.#answerAfter(delivery, await retries.again(message, reason, unfinishedAttempts + 1), {
          fate: 'retried',
          message,
          reason,
        });
      case 'mark':
        this.#warn('retry', message, `delivered again: ${reason}; this does not count as an attempt`);
        return this.#answerAfter(delivery, await retries.mark(message, reason, unfinishedAttempts), {
          fate: 'retried',
          message,
          reason,
        });
    }
  }

  /** Applies the configured policy, or that of the failure. `end` is set if the role must end. */
  async settle(delivery: Delivery, message: Message, failure: FailedAttempt): Promise<Settled> {
    const { reason } = failure;
    const decision = this.#decide(failure, message);
    const settled = await this.#carryOut(delivery, message, { decision, reason });
    if (!decision.isEnd) return settled;
    const why = `attempt ${message.attempt} failed: ${reason}`;
    const where = decision.action === 'back' ? 'back to its queue' : 'to the dead-letter queue';
    // Only the schema of a subscription sets the policy of a failure.
    const cause = failure.policy === undefined ? '--on-fail exit' : '"onInvalid": "exit" in rascal.json';
    return { ...settled, end: new MqError('ANSWER_NO', why, { hint: `the message went ${where} (${cause})` }) };
  }

  /**
   * Returns a message that has no outcome to its queue. This does not count as an attempt. If basic.nack would leave a
   * mark that the next worker counts as an attempt, mq publishes the message to the end of the queue instead. A nack
   * would not preserve the order either, because the next worker would send the message through a wait queue.
   */
  async handBack({
    delivery,
    message,
    unfinishedAttempts,
  }: Pick<PendingDelivery, 'delivery' | 'message' | 'unfinishedAttempts'>): Promise<void> {
    const { retries, workQueue, counts, canFail } = this.#parts;
    if (delivery.isRequeued) return;
    const isTraceless = !canFail || forgetsReturns(workQueue(), message.headers);
    const isRenewed = !isTraceless && (await retries.renew(message, unfinishedAttempts).catch(() => false));
    if (isRenewed ? delivery.ack() : delivery.nack(true)) counts.handedBack += 1;
  }

  #decide({ type, policy }: FailedAttempt, message: Message): Decision {
    const { config, workQueue } = this.#parts;
    return decide(type, {
      onFail: policy ?? config.onFail ?? 'retry',
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
        this.#warnLoss('drop', message, `dropped: ${reason}`);
        if (delivery.ack()) counts.rejected += 1;
        return { ...done, fate: 'dropped' };
      case 'reject': {
        const { declared } = workQueue();
        const isGone =
          isStream(workQueue(), message.headers) || (declared && declared['x-dead-letter-exchange'] === undefined);
        if (isGone) this.#warnLoss('drop', message, `dropped, because dead-lettering is off: ${reason}`);
        else this.#warnLoss('reject', message, `rejected to the dead-letter exchange of its queue: ${reason}`);
        if (delivery.reject(false)) counts.rejected += 1;
        return { ...done, fate: isGone ? 'dropped' : declared ? 'dead-lettered' : 'rejected' };
      }
      case 'dead-letter':
        this.#logDeadLetter(message, reason);
        return this.#answerAfter(delivery, await retries.deadLetter(message, reason), { fate: 'dead-lettered' });
      case 'back':
      case 'retry':
        if (isEnd) return this.#backAtTheEnd(delivery, message, reason);
        this.#warn(action === 'back' ? 'requeue' : 'retry', message, `${failed}${suffix[action]}`);
        if (isStream(workQueue(), message.headers)) return this.#inProcess(delivery, message, action);
        if (action === 'retry' && this.isNative) return this.#byQueue(delivery);
        return this.#answerAfter(
          delivery,
          action === 'back' ? await retries.goBack(message, reason) : await retries.again(message, reason),
          { fate: action === 'back' ? 'requeued' : 'retried', message, reason },
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
    await pause(requeueMs, { signal: drain });
    const isOfStream = isStream(workQueue(), message.headers);
    if (drain.aborted && !isOfStream)
      return this.#answerAfter(delivery, await retries.goBack(message, reason), { fate: 'requeued', message, reason });
    const next = { ...message, attempt: message.attempt + 1 };
    const isSent = !isOfStream && (await retries.renew(next, 0, reason));
    if (isSent ? delivery.ack() : delivery.nack(true)) counts.handedBack += 1;
    return { isDone: isSent, fate: 'requeued' };
  }

  /** Returns a message to its queue, which delays it and counts the attempt (native-retry.ts). */
  #byQueue(delivery: Delivery): Settled {
    if (delivery.reject(true)) this.#parts.counts.retried += 1;
    return { isDone: false, fate: 'retried' };
  }

  /** Keeps a message of a stream in the process until its next attempt. */
  async #inProcess(delivery: Delivery, message: Message, action: 'back' | 'retry'): Promise<Settled> {
    const { retries, drain } = this.#parts;
    await pause(action === 'back' ? requeueMs : retries.delayOf(message), { signal: drain });
    const fate = action === 'back' ? 'requeued' : 'retried';
    if (!drain.aborted) return { isDone: false, fate, nextAttempt: nextAttemptOf(message) };
    delivery.nack(true);
    return { isDone: false };
  }

  async #answerAfter(delivery: Delivery, where: SendResult, { fate, ...unsent }: AfterSending): Promise<Settled> {
    switch (where) {
      case 'sent':
      case 'back':
        delivery.ack();
        return { ...done, fate: where === 'sent' ? fate : 'requeued' };
      case 'kept':
        if (delivery.nack(true)) this.#parts.counts.handedBack += 1;
        return { isDone: false };
      case 'unsendable':
        if (!unsent.message) throw new MqError('BAD_DATA', 'a message cannot be sent to the dead-letter queue');
        return this.settle(delivery, unsent.message, { type: 'dead-letter', reason: unsent.reason });
    }
  }

  #warn(event: string, message: Message, text: string): void {
    this.#parts.say({ level: 'warn', event, message: text, fields: messageFields(message) });
  }

  /** Logs a message that is dropped. The line is the only record of it. */
  #warnLoss(event: string, message: Message, text: string): void {
    this.#parts.say({ level: 'warn', event, isRecord: true, message: text, fields: messageFields(message) });
  }

  #logDeadLetter(message: Message, reason: string): void {
    const { say, retries } = this.#parts;
    const fields = { ...messageFields(message), target: retries.deadTarget };
    const text = `to the dead-letter queue: ${reason}`;
    say({ level: 'error', event: 'dead-letter', message: text, fields });
  }
}

/** Returns a message of a stream for its next attempt, with the time of its first failure. */
function nextAttemptOf(message: Message): Message {
  const { headers, fields, attempt } = message;
  const first = isOfQueue(headers, fields.queue) ? headers[headerNames.first] : undefined;
  const history = {
    [headerNames.queue]: fields.queue,
    [headerNames.first]: first ?? new Date(time.date()).toISOString(),
  };
  return { ...message, headers: Object.assign(Object.create(null), headers, history), attempt: attempt + 1 };
}

const suffix = { back: '; back to its queue', retry: '' };
