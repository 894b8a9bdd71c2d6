// What becomes of a message that failed: what --on-fail, or `onFail` in rascal.json, says.

import type { RetryConfig } from '../config/config.ts';
import type { Say } from '../context.ts';
import { MqError } from '../errors.ts';
import type { Message } from '../handlers/handler.ts';
import { messageFields } from '../handlers/message-fields.ts';
import type { Delivery } from '../session/consumer.ts';
import type { Counts } from '../session/counts.ts';
import type { Sent } from '../session/publisher.ts';
import type { Retries } from './retries.ts';
import type { Taken } from './waiting.ts';

export interface FailuresParts {
  readonly retries: Retries;
  readonly config: RetryConfig;
  /** In bytes: no handler gets a larger body. */
  readonly maxBody: number | undefined;
  readonly counts: Counts;
  readonly say: Say;
  /** Aborted when the role stops. */
  readonly drain: AbortSignal;
}

/** A message that fails and goes back comes at most twenty times a minute. */
const requeuePauseMs = 3000;

export class Failures {
  readonly #parts: FailuresParts;

  constructor(parts: FailuresParts) {
    this.#parts = parts;
  }

  /**
   * What to do with a message that no handler may get: it is too large, its headers cannot be read, its attempts are used
   * up, or it has to be counted first.
   */
  verdict({ message, isUncounted }: Taken): { type: 'retry' | 'dead-letter'; reason: string } | undefined {
    const { config, maxBody = Number.POSITIVE_INFINITY } = this.#parts;
    const { length } = message.body;
    if (length > maxBody)
      return { type: 'dead-letter', reason: `a body of ${length} bytes is over --max-body ${maxBody}` };
    // Nothing that no handler has seen is thrown away.
    if (config.deadLetter === false) return undefined;
    const { attempt, unreadable } = message;
    if (unreadable !== undefined) return { type: 'dead-letter', reason: unreadable };
    if (attempt > config.attempts)
      return { type: 'dead-letter', reason: `${attempt - 1} attempts ended without an outcome` };
    if (!isUncounted) return undefined;
    if (attempt === config.attempts)
      return { type: 'dead-letter', reason: `${attempt} attempts ended without an outcome` };
    return { type: 'retry', reason: 'its worker or connection ended before an outcome' };
  }

  /** Counts an attempt that no broker counted: the message goes round by the wait queue. */
  async count(delivery: Delivery, message: Message, reason: string): Promise<void> {
    this.#tell('retry', message, `attempt ${message.attempt} failed: ${reason}`);
    confirmedOrThrow(await this.#parts.retries.again(message, reason, true));
    delivery.ack();
  }

  /** Gives true if the message will not come again. Throws when the role is to end; it is then still unanswered. */
  async retry(delivery: Delivery, message: Message, reason: string): Promise<boolean> {
    const { config, retries, counts } = this.#parts;
    const failed = `attempt ${message.attempt} failed: ${reason}`;
    switch (config.onFail ?? 'retry') {
      case 'exit':
        throw new MqError('ANSWER_NO', failed, { hint: 'the message went back to its queue (--on-fail exit)' });
      case 'drop':
        this.#tell('drop', message, `dropped: ${reason}`);
        if (delivery.ack()) counts.rejected += 1;
        return true;
      case 'requeue':
        return this.requeue(delivery, message, reason);
      case 'dead-letter':
        return this.deadLetter(delivery, message, reason);
      case 'retry':
        this.#tell('retry', message, failed);
        if (config.deadLetter === false && message.attempt >= config.attempts) return this.#reject(delivery);
        confirmedOrThrow(await retries.again(message, reason));
        delivery.ack();
        return true;
    }
  }

  /** Gives true: the message will not come again. */
  async deadLetter(delivery: Delivery, message: Message, reason: string): Promise<true> {
    const { config, retries } = this.#parts;
    if (config.deadLetter === false) {
      this.#tell('dead-letter', message, `rejected, there is no dead-letter queue: ${reason}`);
      return this.#reject(delivery);
    }
    this.#tell('dead-letter', message, `to the dead-letter queue: ${reason}`);
    confirmedOrThrow(await retries.deadLetter(message, reason));
    delivery.ack();
    return true;
  }

  /** Returns false: the message will come again. */
  async requeue(delivery: Delivery, message: Message, reason: string): Promise<false> {
    this.#tell('requeue', message, `attempt ${message.attempt} failed: ${reason}; back to its queue`);
    await this.#pause();
    if (delivery.nack(true)) this.#parts.counts.handedBack += 1;
    return false;
  }

  #reject(delivery: Delivery): true {
    if (delivery.reject(false)) this.#parts.counts.rejected += 1;
    return true;
  }

  #tell(event: string, about: Message, message: string): void {
    this.#parts.say({ level: 'warn', event, message, fields: messageFields(about) });
  }

  #pause(): Promise<void> {
    const { drain } = this.#parts;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        drain.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, drain.aborted ? 0 : requeuePauseMs);
      drain.addEventListener('abort', end);
    });
  }
}

/** A reply, retry or dead letter that did not arrive must not be acknowledged. */
export function confirmedOrThrow(sent: Sent): void {
  if (sent.type !== 'confirmed') throw sent.error;
}
