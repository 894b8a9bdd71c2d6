// Where a message goes that its handler did not finish, on every queue type and version alike: a confirmed publish to a
// wait queue, to the dead letters, or to the end of its own queue; only then is the message acknowledged.
// config/retry-queues.ts has the names and arguments. rascal.json may define them otherwise, and name another place for
// the dead.

import type { RetryConfig } from '../config/config.ts';
import { deadQueue, requeueMs, waitQueue } from '../config/retry-queues.ts';
import type { Say } from '../context.ts';
import type { MqError } from '../errors.ts';
import type { Message } from '../handlers/handler.ts';
import { messageFields } from '../handlers/message-fields.ts';
import { traceOf } from '../handlers/trace.ts';
import type { Counts } from '../session/counts.ts';
import type { Publisher, Sent } from '../session/publisher.ts';
import type { Destination, QueueOptions } from '../session/session.ts';
import type { ConfirmChannel, Properties } from '../session/wire.ts';
import { headerNames, isOfQueue } from './message.ts';
import { OutcomeQueues } from './outcome-queues.ts';
import { pause } from './pause.ts';

const longestPauseMs = 30_000;
export interface RetriesParts {
  /** The broker's name of the work queue now. */
  readonly queue: () => string;
  /** It goes with its connection, so its wait queues must not stay behind. */
  readonly isOwn: boolean;
  /** A message of a stream is never published back to it. */
  readonly isStream: (message: Message) => boolean;
  readonly config: RetryConfig;
  readonly nextId: () => string;
  readonly counts: Counts;
  /** `onChannel` is called with each new channel, before anything is sent on it. */
  readonly connect: (onChannel: (channel: ConfirmChannel) => Promise<void>) => Promise<OutcomePlaces>;
  readonly say: Say;
  /** Aborted when the role stops. */
  readonly drain: AbortSignal;
}

/** What a session opens for the outcomes of a role. Every name is the broker's. */
export interface OutcomePlaces {
  readonly publisher: Publisher;
  /** Where dead messages go instead of a queue of mq's own. */
  readonly dead: Destination | undefined;
  /** The queues that are declared as the file says; undefined: the file says that mq may not declare it. */
  readonly declared: ReadonlyMap<string, QueueOptions | undefined>;
}

/**
 * Where a message is now:
 * - `sent`: at its destination.
 * - `back`: at the end of its queue, because the destination did not accept it.
 * - `kept`: unacknowledged, because the destination did not accept it and the role stops.
 * - `unsendable`: unacknowledged, because AMQP cannot carry its headers again.
 */
export type Whereabouts = 'sent' | 'back' | 'kept' | 'unsendable';

export class Retries {
  readonly #parts: RetriesParts;
  readonly #queues = new OutcomeQueues();
  #opened: Promise<Publisher> | undefined;
  #places: Omit<OutcomePlaces, 'publisher'> = { dead: undefined, declared: new Map() };

  constructor(parts: RetriesParts) {
    this.#parts = parts;
  }

  /** Connects, once. A role that cannot fail needs it only for a message that the broker is about to drop. */
  open(): Promise<Publisher> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<Publisher> {
    const { publisher, ...places } = await this.#parts.connect((channel) => this.#queues.use(channel));
    this.#places = places;
    return publisher;
  }

  /** Sends the message to wait for its next attempt. `ends`: so many attempts in a row ended without an outcome. */
  again(message: Message, reason: string, ends = 0): Promise<Whereabouts> {
    return this.#wait(message, { reason, ends, delay: this.delayOf(message) });
  }

  /** Milliseconds between the attempt that failed and the next one. */
  delayOf({ attempt }: Message): number {
    const { delays } = this.#parts.config;
    return delays[Math.min(attempt, delays.length) - 1] ?? 1000;
  }

  /** Sends the message back to its queue by way of the wait queue of three seconds. */
  goBack(message: Message, reason: string): Promise<Whereabouts> {
    return this.#wait(message, { reason, ends: 0, delay: requeueMs });
  }

  async deadLetter(message: Message, reason: string): Promise<Whereabouts> {
    const own = deadQueue(this.#queue);
    const to = this.#places.dead ?? { exchange: '', routingKey: own.name, options: {} };
    const options = this.#places.dead ? undefined : { durable: true, arguments: own.arguments };
    const marks = { [headerNames.pending]: true };
    const where = await this.#sendSurely(
      { message, reason, to, options, attempt: message.attempt, marks: {} },
      { send: (step) => this.#sendAnyhow(step), ifBack: { attempt: message.attempt, marks } },
    );
    if (where === 'sent') this.#parts.counts.deadLettered += 1;
    return where;
  }

  /** Where dead messages go, in words. */
  get deadTarget(): string {
    const { exchange, routingKey } = this.#places.dead ?? { exchange: '', routingKey: deadQueue(this.#queue).name };
    return exchange === '' ? routingKey : `${exchange}[${routingKey}]`;
  }

  /**
   * Publishes the message to the end of its own queue, as the attempt that it is. Returns false if the broker does not
   * accept it, or if AMQP cannot carry its headers again: a handler must not receive it without them.
   */
  async renew(message: Message, ends: number, reason = 'no outcome'): Promise<boolean> {
    const marks = unfinished(ends);
    const { expiration } = message.properties;
    const step = { message, reason, ...this.#ownQueue, attempt: message.attempt, marks, expiration };
    return (await this.#send(step)).type === 'confirmed';
  }

  get #queue(): string {
    return this.#parts.queue();
  }

  get #ownQueue(): Pick<Step, 'to' | 'options'> {
    return { to: { exchange: '', routingKey: this.#queue, options: {} }, options: undefined };
  }

  async #wait(message: Message, { reason, ends, delay }: Wait): Promise<Whereabouts> {
    const next = { attempt: message.attempt + 1, marks: unfinished(ends) };
    const { name, arguments: given } = waitQueue(this.#queue, delay, { isOwn: this.#parts.isOwn });
    const to = { exchange: '', routingKey: name, options: {} };
    const where = await this.#sendSurely(
      { message, reason, to, options: { durable: true, arguments: given }, ...next },
      { send: (step) => this.#send(step), ifBack: next },
    );
    if (where === 'sent' || where === 'back') this.#parts.counts.retried += 1;
    return where;
  }

  /**
   * Sends until the message is at its destination, or back in its queue. A queue that was deleted is declared again; a
   * full one is tried again. Meanwhile the message stays unacknowledged, and after each pause it makes room for others:
   * it goes to the end of its own queue.
   * @throws {MqError} if no publish can succeed any more
   */
  async #sendSurely(step: Step, { send, ifBack }: Surely): Promise<Whereabouts> {
    const { drain, say } = this.#parts;
    for (let pauseMs = requeueMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      let sent = await send(step);
      if (refusalOf(sent)?.code === 'UNROUTABLE') sent = await send(this.#declaredAgain(step));
      if (sent.type === 'confirmed') return 'sent';
      if (isUnsendable(sent)) return 'unsendable';
      const refusal = refusalOf(sent);
      if (!refusal) throw sent.error;
      const message = `${refusal.message}; trying again in ${pauseMs / 1000} s`;
      say({ level: 'warn', event: 'not-accepted', message, fields: messageFields(step.message) });
      await pause(pauseMs, drain);
      if (drain.aborted) return 'kept';
      if (this.#parts.isStream(step.message)) continue;
      const back = await this.#send({ ...step, ...this.#ownQueue, ...ifBack });
      if (back.type === 'confirmed') return 'back';
    }
  }

  /** The step, with its queue declared once more before it is sent. */
  #declaredAgain(step: Step): Step {
    const { exchange, routingKey } = step.to;
    if (exchange !== '') return step;
    this.#queues.forget(routingKey);
    return { ...step, options: this.#places.declared.get(routingKey) ?? step.options };
  }

  async #sendAnyhow(step: Step): Promise<Sent> {
    const { message, reason } = step;
    const sent = await this.#send(step);
    if (!isUnsendable(sent)) return sent;
    // A stranger's headers must not stop the worker, nor stand in the way of all that follows them in the queue.
    const bare = { ...message, headers: { ...traceOf(message.headers) } };
    const why = `${reason}; without its headers: ${sent.error.message}`;
    return this.#send({ ...step, message: bare, reason: why });
  }

  #send(step: Step): Promise<Sent> {
    const { to, options } = step;
    const { declared } = this.#places;
    const isByFile = declared.has(to.routingKey) && options !== declared.get(to.routingKey);
    if (!options || isByFile) return this.#publish(step);
    return this.#queues.with(to.routingKey, options, () => this.#publish(step));
  }

  async #publish({ message, reason, attempt, to, marks, expiration }: Step): Promise<Sent> {
    const publisher = await this.open();
    const now = new Date().toISOString();
    const { expiration: _, ...kept } = message.properties; // else it would expire from the wait queue too soon
    const headers = Object.fromEntries(Object.entries(message.headers).filter(([name]) => !notKept.has(name)));
    const isOwn = isOfQueue(headers, this.#queue);
    const properties: Properties & { messageId: string } = {
      ...kept,
      ...(expiration !== undefined && { expiration }),
      deliveryMode: 2,
      messageId: kept.messageId ?? this.#parts.nextId(),
      headers: {
        ...headers,
        ...(to.options['headers'] as Properties['headers']),
        [headerNames.first]: (isOwn && headers[headerNames.first]) || now,
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
    // RabbitMQ: user_id must be that of the connection.
    delete properties.userId;
    const { exchange, routingKey } = to;
    return publisher.publish({ exchange, routingKey, body: message.body, properties, mandatory: true });
  }
}

/** Headers of the delivery. RabbitMQ: CC is obeyed at every publish, so the other queues would get a copy for each attempt. */
const notKept = new Set([
  ...['x-delivery-count', 'x-acquired-count', 'x-stream-offset', 'CC', 'BCC'],
  ...[headerNames.unfinished, headerNames.pending, headerNames.renewed],
]);

interface Wait {
  readonly reason: string;
  readonly ends: number;
  /** Milliseconds. */
  readonly delay: number;
}

/** Where a message goes, and as what. */
interface Step {
  readonly message: Message;
  readonly reason: string;
  readonly to: Pick<Destination, 'exchange' | 'routingKey' | 'options'>;
  /** Of the queue, where mq declares it. */
  readonly options: QueueOptions | undefined;
  readonly attempt: number;
  /** Further headers. */
  readonly marks: Readonly<Record<string, unknown>>;
  readonly expiration?: string | undefined;
}

interface Surely {
  readonly send: (step: Step) => Promise<Sent>;
  /** What the message carries if it goes back to its own queue instead. */
  readonly ifBack: Pick<Step, 'attempt' | 'marks'>;
}

function unfinished(ends: number): Readonly<Record<string, unknown>> {
  return ends > 0 ? { [headerNames.unfinished]: ends } : {};
}

/** Why the destination does not accept the message now; undefined: it has it, or will never accept it. */
function refusalOf(sent: Sent): MqError | undefined {
  return sent.type === 'refused' && ['UNROUTABLE', 'REFUSED'].includes(sent.error.code) ? sent.error : undefined;
}

/** True if the headers leave no room for those of mq in a frame (AMQP 0-9-1, 4.2.6.1). */
function isUnsendable(sent: Sent): sent is Sent & { type: 'refused' } {
  return sent.type === 'refused' && sent.error.code === 'BAD_DATA';
}
