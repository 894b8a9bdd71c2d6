// Publishes a message again after its handler did not succeed: to a wait queue, to the dead-letter queue, or to the end
// of its own queue. The method is the same on every queue type and RabbitMQ version: a confirmed publish, followed by
// the acknowledgement. config/retry-queues.ts defines the names and arguments of the queues. rascal.json may override
// them and the dead-letter target.

import { objectOf } from '../../config/plain.ts';
import { deadQueue, requeueMs, waitQueue } from '../../config/retry-queues.ts';
import type { RetryConfig } from '../../config/role.ts';
import type { Say } from '../../context.ts';
import type { MqError } from '../../errors.ts';
import type { Message } from '../../handlers/handler.ts';
import { messageFields } from '../../handlers/message-fields.ts';
import type { Counts } from '../../session/counts.ts';
import type { PublishOutcome } from '../../session/outgoing-message.ts';
import type { Publisher } from '../../session/publisher.ts';
import type { Destination, QueueOptions } from '../../session/session.ts';
import type { ConfirmChannel, Properties } from '../../session/wire.ts';
import { pause, time } from '../../time.ts';
import { traceOf } from '../../tracing.ts';
import { headerNames, isOfQueue } from '../message.ts';
import { OutcomeQueues } from './outcome-queues.ts';

/** Longest pause between two attempts to send a message, in milliseconds. */
const longestPauseMs = 30_000;

interface RetriesParts {
  /** Returns the broker's current name of the work queue. */
  readonly queue: () => string;
  /** `true` if the broker deletes the work queue with its connection. Its wait queues then expire. */
  readonly hasOwnQueue: boolean;
  /** Reports whether a message is in a stream. Such a message is never published to its stream again. */
  readonly isStream: (message: Message) => boolean;
  readonly config: RetryConfig;
  readonly nextId: () => string;
  readonly counts: Counts;
  /** Opens the publisher. `onChannel` is called with each new channel before anything is sent on it. */
  readonly connect: (onChannel: (channel: ConfirmChannel) => Promise<void>) => Promise<OutcomePlaces>;
  readonly say: Say;
  /** Aborts when the role stops. */
  readonly drain: AbortSignal;
}

/** Publisher and queues that a session opens for the outcomes of a role. Names are as on the broker, with namespace. */
interface OutcomePlaces {
  readonly publisher: Publisher;
  /** Target of dead letters that rascal.json defines. If `undefined`, it is the queue `<queue>.dead`. */
  readonly dead: Destination | undefined;
  /**
   * Options of the queues that are already declared: the queues of rascal.json, and existing queues that the user may
   * not declare. The options of the latter are `undefined`.
   */
  readonly declared: ReadonlyMap<string, QueueOptions | undefined>;
}

/**
 * Location of a message after sending:
 * - `sent`: at its destination.
 * - `back`: at the end of its queue, because the destination did not accept it.
 * - `kept`: unacknowledged, because the destination did not accept it and the role stops.
 * - `unsendable`: unacknowledged, because its headers and those of mq do not fit into one frame.
 */
export type SendResult = 'sent' | 'back' | 'kept' | 'unsendable';

export class Retries {
  readonly #parts: RetriesParts;
  readonly #queues = new OutcomeQueues();
  #opened: Promise<Publisher> | undefined;
  #places: Omit<OutcomePlaces, 'publisher'> = { dead: undefined, declared: new Map() };

  constructor(parts: RetriesParts) {
    this.#parts = parts;
  }

  /**
   * Opens the publisher once. A role whose handler always succeeds opens it only for a message that the broker is about
   * to drop.
   */
  open(): Promise<Publisher> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<Publisher> {
    const { publisher, ...places } = await this.#parts.connect((channel) => this.#queues.use(channel));
    this.#places = places;
    return publisher;
  }

  /**
   * Sends the message to a wait queue for its next attempt. `unfinishedAttempts` counts consecutive attempts without an
   * outcome.
   */
  again(message: Message, reason: string, unfinishedAttempts = 0): Promise<SendResult> {
    const next = { attempt: message.attempt + 1, marks: unfinishedHeader(unfinishedAttempts) };
    return this.#wait(message, { reason, next, delay: this.delayOf(message) });
  }

  /** Sends the message to a wait queue for the same attempt, with the mark that its queue has delivered it again. */
  mark(message: Message, reason: string, unfinishedAttempts: number): Promise<SendResult> {
    const marks = { ...unfinishedHeader(unfinishedAttempts), [headerNames.redelivered]: this.#queue };
    return this.#wait(message, { reason, next: { attempt: message.attempt, marks }, delay: this.delayOf(message) });
  }

  /** Returns the delay between the failed attempt and the next one, in milliseconds. */
  delayOf({ attempt }: Message): number {
    const { delays } = this.#parts.config;
    return delays[Math.min(attempt, delays.length) - 1] ?? 1000;
  }

  /** Sends the message back to its queue through the wait queue of three seconds. */
  goBack(message: Message, reason: string): Promise<SendResult> {
    const next = { attempt: message.attempt + 1, marks: {} };
    return this.#wait(message, { reason, next, delay: requeueMs });
  }

  async deadLetter(message: Message, reason: string): Promise<SendResult> {
    const own = deadQueue(this.#queue);
    const to = this.#places.dead ?? { exchange: '', routingKey: own.name, options: {} };
    const options = this.#places.dead ? undefined : { durable: true, arguments: own.arguments };
    const marks = { [headerNames.pending]: true };
    // `mq dlq replay` must not append a copy to the stream.
    const offset = this.#parts.isStream(message) ? message.headers['x-stream-offset'] : undefined;
    const ofStream = { ...(offset !== undefined && { [headerNames.offset]: offset }) };
    const where = await this.#sendUntilAccepted(
      { operation: 'dead-letter', message, reason, to, options, attempt: message.attempt, marks: ofStream },
      { send: (step) => this.#sendToDeadLetters(step), ifBack: { attempt: message.attempt, marks } },
    );
    if (where === 'sent') this.#parts.counts.deadLettered += 1;
    return where;
  }

  /** Dead-letter target for messages: the name of a queue, or `exchange[routing key]`. */
  get deadTarget(): string {
    const { exchange, routingKey } = this.#places.dead ?? { exchange: '', routingKey: deadQueue(this.#queue).name };
    return exchange === '' ? routingKey : `${exchange}[${routingKey}]`;
  }

  /**
   * Publishes the message to the end of its own queue without changing its attempt number. Returns `false` if the
   * broker does not accept it, or if its headers and those of mq do not fit into one frame. Unlike `deadLetter`, it
   * then does not remove the message's headers, because the handler may depend on them.
   */
  async renew(message: Message, unfinishedAttempts: number, reason = 'no outcome'): Promise<boolean> {
    const marks = unfinishedHeader(unfinishedAttempts);
    const { expiration } = message.properties;
    const step = { message, reason, ...this.#ownQueue, attempt: message.attempt, marks, expiration };
    return (await this.#send({ operation: 'retry', ...step })).type === 'confirmed';
  }

  get #queue(): string {
    return this.#parts.queue();
  }

  get #ownQueue(): Pick<Step, 'to' | 'options'> {
    return { to: { exchange: '', routingKey: this.#queue, options: {} }, options: undefined };
  }

  async #wait(message: Message, { reason, next, delay }: Wait): Promise<SendResult> {
    const { name, arguments: given } = waitQueue(this.#queue, delay, { isOwn: this.#parts.hasOwnQueue });
    const to = { exchange: '', routingKey: name, options: {} };
    const where = await this.#sendUntilAccepted(
      { operation: 'retry', message, reason, to, options: { durable: true, arguments: given }, ...next },
      { send: (step) => this.#send(step), ifBack: next },
    );
    if (where === 'sent' || where === 'back') this.#parts.counts.retried += 1;
    return where;
  }

  /**
   * Sends the message to its destination until the broker accepts it. If the destination queue was deleted, declares it
   * again. After each refusal, pauses and sends the message to the end of its own queue instead, so that other messages
   * can be handled. If that is refused too, or the message is in a stream, tries the destination again. The message
   * stays unacknowledged in the meantime.
   * @throws {MqError} if no publish can succeed any more
   */
  async #sendUntilAccepted(step: Step, { send, ifBack }: UntilAcceptedParts): Promise<SendResult> {
    const { drain, say } = this.#parts;
    for (let pauseMs = requeueMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      let sent = await send(step);
      if (refusalOf(sent)?.code === 'UNROUTABLE') sent = await send(this.#withNewDeclaration(step));
      if (sent.type === 'confirmed') return 'sent';
      if (isUnsendable(sent)) return 'unsendable';
      const refusal = refusalOf(sent);
      if (!refusal) throw sent.error;
      const message = `${refusal.message}; trying again in ${pauseMs / 1000} s`;
      say({ level: 'warn', event: 'not-accepted', message, fields: messageFields(step.message) });
      await pause(pauseMs, { signal: drain });
      if (drain.aborted) return 'kept';
      if (this.#parts.isStream(step.message)) continue;
      const back = await this.#send({ ...step, ...this.#ownQueue, ...ifBack });
      if (back.type === 'confirmed') return 'back';
    }
  }

  /** Causes the queue of the step to be declared again, and returns the step with the options for the declaration. */
  #withNewDeclaration(step: Step): Step {
    const { exchange, routingKey } = step.to;
    if (exchange !== '') return step;
    this.#queues.forget(routingKey);
    return { ...step, options: this.#places.declared.get(routingKey) ?? step.options };
  }

  async #sendToDeadLetters(step: Step): Promise<PublishOutcome> {
    const { message, reason } = step;
    const sent = await this.#send(step);
    if (!isUnsendable(sent)) return sent;
    // Oversized headers of a publisher must not stop the worker or block the messages that follow in the queue.
    const bare = { ...message, headers: { ...traceOf(message.headers) } };
    const why = `${reason}; without its headers: ${sent.error.message}`;
    return this.#send({ ...step, message: bare, reason: why });
  }

  #send(step: Step): Promise<PublishOutcome> {
    const { to, options } = step;
    const { declared } = this.#places;
    // A queue that is already declared is declared again only with its own options, after it was deleted.
    const isDeclared = declared.has(to.routingKey) && options !== declared.get(to.routingKey);
    if (!options || isDeclared) return this.#publish(step);
    return this.#queues.with(to.routingKey, options, () => this.#publish(step));
  }

  async #publish({ operation, message, reason, attempt, to, marks, expiration }: Step): Promise<PublishOutcome> {
    const publisher = await this.open();
    const now = new Date(time.date()).toISOString();
    // With its expiration, the message could leave the wait queue before the delay ends.
    const { expiration: _, ...kept } = message.properties;
    const headers = Object.fromEntries(Object.entries(message.headers).filter(([name]) => !notKept.has(name)));
    const hasHistory = isOfQueue(headers, this.#queue);
    const properties: Properties & { messageId: string } = {
      ...kept,
      ...(expiration !== undefined && { expiration }),
      deliveryMode: 2,
      messageId: kept.messageId ?? this.#parts.nextId(),
      headers: {
        ...headers,
        ...objectOf(to.options['headers']),
        [headerNames.first]: (hasHistory && headers[headerNames.first]) || now,
        [headerNames.last]: now,
        ...marks,
        ...(to.exchange === '' && to.routingKey === this.#queue && { [headerNames.renewed]: true }),
        [headerNames.attempt]: attempt,
        [headerNames.reason]: reason.slice(0, 1000),
        [headerNames.queue]: this.#queue,
        [headerNames.exchange]: message.fields.exchange,
        [headerNames.routingKey]: message.fields.routingKey,
      },
    };
    // RabbitMQ requires that user_id is the user of the connection.
    delete properties.userId;
    const { exchange, routingKey } = to;
    return publisher.publish({ operation, exchange, routingKey, body: message.body, properties, mandatory: true });
  }
}

/** Headers that are not copied. RabbitMQ applies CC at every publish, so other queues would receive each attempt. */
const notKept = new Set([
  ...['x-delivery-count', 'x-acquired-count', 'x-stream-offset', 'CC', 'BCC'],
  ...[headerNames.unfinished, headerNames.pending, headerNames.renewed],
]);

interface Wait {
  readonly reason: string;
  /** Number of the attempt that follows, and its additional headers. */
  readonly next: Pick<Step, 'attempt' | 'marks'>;
  /** Delay in milliseconds. */
  readonly delay: number;
}

/** A message to send, with its target and its new headers. */
interface Step {
  readonly operation: 'retry' | 'dead-letter';
  readonly message: Message;
  readonly reason: string;
  readonly to: Pick<Destination, 'exchange' | 'routingKey' | 'options'>;
  /** Options of the queue, if mq declares it. */
  readonly options: QueueOptions | undefined;
  readonly attempt: number;
  /** Additional headers. */
  readonly marks: Readonly<Record<string, unknown>>;
  readonly expiration?: string | undefined;
}

interface UntilAcceptedParts {
  readonly send: (step: Step) => Promise<PublishOutcome>;
  /** Attempt number and headers of the message if it returns to its own queue instead. */
  readonly ifBack: Pick<Step, 'attempt' | 'marks'>;
}

function unfinishedHeader(unfinishedAttempts: number): Readonly<Record<string, unknown>> {
  return unfinishedAttempts > 0 ? { [headerNames.unfinished]: unfinishedAttempts } : {};
}

/** Returns the error if the destination may accept the message later, and `undefined` if it did or never will. */
function refusalOf(sent: PublishOutcome): MqError | undefined {
  return sent.type === 'refused' && ['UNROUTABLE', 'REFUSED'].includes(sent.error.code) ? sent.error : undefined;
}

/**
 * Returns `true` if the broker can never accept the message in this form. The usual cause is that its headers leave no
 * space for those of mq in one frame (AMQP 0-9-1, 4.2.6.1).
 */
function isUnsendable(sent: PublishOutcome): sent is PublishOutcome & { type: 'refused' } {
  return sent.type === 'refused' && sent.error.code === 'BAD_DATA';
}
