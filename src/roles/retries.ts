// Retry with back-off, then the dead-letter queue, on every queue type and version alike: a confirmed publish to a wait
// queue whose messages expire back into the work queue, or to the dead-letter queue; only then is the message acked.
// config/retry-queues.ts has their names and arguments. rascal.json may define them otherwise, and name another place for the dead.

import type { RetryConfig } from '../config/config.ts';
import { deadQueue, waitQueue } from '../config/retry-queues.ts';
import type { Message } from '../handlers/handler.ts';
import { traceOf } from '../handlers/trace.ts';
import type { Counts } from '../session/counts.ts';
import type { Publisher, Sent } from '../session/publisher.ts';
import type { Destination } from '../session/session.ts';
import type { ConfirmChannel, Properties } from '../session/wire.ts';
import { headerNames } from './message.ts';

export interface RetriesParts {
  /** The broker's name of the work queue now. */
  readonly queue: () => string;
  /** It goes with its connection, so its wait queues must not stay behind. */
  readonly isOwn: boolean;
  readonly config: RetryConfig;
  readonly nextId: () => string;
  readonly counts: Counts;
}

export class Retries {
  readonly #queueNow: () => string;
  readonly #isOwn: boolean;
  readonly #config: RetryConfig;
  readonly #nextId: () => string;
  readonly #counts: Counts;
  #publisher: Publisher | undefined;
  #channel: ConfirmChannel | undefined;
  #dead: Destination | undefined;
  #byFile: ReadonlySet<string> = new Set();
  readonly #declared = new Map<string, Declared>();

  constructor({ queue, isOwn, config, nextId, counts }: RetriesParts) {
    this.#queueNow = queue;
    this.#isOwn = isOwn;
    this.#config = config;
    this.#nextId = nextId;
    this.#counts = counts;
  }

  /** For the publisher that `use` is given: called with each new channel of it, before anything is sent on it. */
  readonly onChannel = async (channel: ConfirmChannel): Promise<void> => {
    this.#channel = channel;
    for (const [queue, { args }] of this.#declared) await declare(channel, queue, args);
  };

  /** `places`: what rascal.json says of the queues it needs, by the broker's names. */
  use(publisher: Publisher, places: { dead: Destination | undefined; declared: ReadonlySet<string> }): void {
    this.#publisher = publisher;
    this.#dead = places.dead;
    this.#byFile = places.declared;
  }

  get #queue(): string {
    return this.#queueNow();
  }

  /**
   * Sends the message to wait for its next attempt, or to the dead-letter queue after the last one. `isUnfinished`: no
   * handler said how the attempt ended.
   */
  async again(message: Message, reason: string, isUnfinished = false): Promise<Sent> {
    if (message.attempt >= this.#config.attempts) return this.deadLetter(message, reason);
    const { delays } = this.#config;
    const delay = delays[Math.min(message.attempt, delays.length) - 1] ?? 1000;
    const wait = waitQueue(this.#queue, delay, { isOwn: this.#isOwn });
    const sent = await this.#send({
      message,
      reason,
      to: { exchange: '', routingKey: wait.name, options: {} },
      arguments: wait.arguments,
      attempt: message.attempt + 1,
      isUnfinished,
    });
    if (sent.type === 'confirmed') this.#counts.retried += 1;
    return isUnsendable(sent) ? this.deadLetter(message, reason) : sent;
  }

  async deadLetter(message: Message, reason: string): Promise<Sent> {
    const own = deadQueue(this.#queue);
    const to = this.#dead ?? { exchange: '', routingKey: own.name, options: {} };
    const step = {
      to,
      arguments: this.#dead ? undefined : own.arguments,
      attempt: message.attempt,
      isUnfinished: false,
    };
    const sent = await this.#sendAnyhow({ message, reason, ...step });
    if (sent.type === 'confirmed') this.#counts.deadLettered += 1;
    return sent;
  }

  async #sendAnyhow(step: Step): Promise<Sent> {
    const { message, reason } = step;
    const sent = await this.#send(step);
    if (!isUnsendable(sent)) return sent;
    // A stranger's headers must not stop the worker, nor stand in the way of all that follows them in the queue.
    const bare = { ...message, headers: { ...traceOf(message.headers) } };
    const why = `${reason}; without its headers: ${sent.error.message}`;
    const sentBare = await this.#send({ ...step, message: bare, reason: why });
    if (!isUnsendable(sentBare)) return sentBare;
    // AMQP 0-9-1, 4.2.5.3: 255 bytes that are no UTF-8 come in as up to 765 that are, which no short string holds.
    const sole = { ...bare, headers: {}, properties: {} };
    const whyBare = `${reason}; without its properties: ${sentBare.error.message}`;
    return this.#send({ ...step, message: sole, reason: whyBare });
  }

  async #send(step: Step): Promise<Sent> {
    const { to } = step;
    if (!step.arguments) return this.#publish(step);
    const declared = this.#declare(to.routingKey, step.arguments);
    declared.open += 1;
    try {
      await declared.done;
      return await this.#publish(step);
    } finally {
      declared.open -= 1;
      // An own queue has another name after each lost connection, and so have its wait queues: they must not add up.
      if (declared.open === 0 && 'x-expires' in declared.args) this.#declared.delete(to.routingKey);
    }
  }

  #publish({ message, reason, attempt, to, isUnfinished }: Step): Promise<Sent> {
    const publisher = this.#publisher as Publisher;
    const now = new Date().toISOString();
    const { expiration: _, ...kept } = message.properties; // else it would expire from the wait queue too soon
    // RabbitMQ: CC is obeyed at every publish, so the other queues would get a copy for each attempt.
    const { 'x-delivery-count': __, 'x-acquired-count': ___, CC: ____, BCC: _____, ...headers } = message.headers;
    const properties: Properties & { messageId: string } = {
      ...kept,
      deliveryMode: 2,
      messageId: kept.messageId ?? this.#nextId(),
      headers: {
        ...headers,
        ...(to.options['headers'] as Properties['headers']),
        [headerNames.first]: headers[headerNames.first] ?? now,
        [headerNames.last]: now,
        ...(isUnfinished && { [headerNames.unfinished]: true }),
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

  /** Declared when first needed: a worker whose work never fails leaves no queues behind. */
  #declare(queue: string, args: object): Declared {
    if (this.#byFile.has(queue)) return { args: {}, done: Promise.resolve(), open: 0 };
    const known = this.#declared.get(queue);
    // RabbitMQ: a queue expires so long after it was last declared, whatever is published to it.
    if (known && !('x-expires' in args)) return known;
    // A refusal closes the channel with its reason, which the publisher then reports for the message itself. A channel
    // that is lost has a successor, on which `onChannel` declares the queue.
    const done = this.#channel ? declare(this.#channel, queue, args).catch(() => undefined) : Promise.resolve();
    if (known) known.done = done;
    const declared = known ?? { args, done, open: 0 };
    this.#declared.set(queue, declared);
    return declared;
  }
}

/** A queue that is declared on each new channel, before anything is sent to it again. */
interface Declared {
  readonly args: object;
  /** The last declaration. */
  done: Promise<void>;
  /** How many messages to it have no outcome yet. */
  open: number;
}

/** Where a message goes, and as what. */
interface Step {
  readonly message: Message;
  readonly reason: string;
  readonly to: Pick<Destination, 'exchange' | 'routingKey' | 'options'>;
  /** Of the queue, where mq declares it. */
  readonly arguments: object | undefined;
  readonly attempt: number;
  readonly isUnfinished: boolean;
}

function declare(channel: ConfirmChannel, queue: string, args: object): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.assertQueue(queue, { durable: true, arguments: args }, (error) => (error ? reject(error) : resolve()));
  });
}

/** amqplib 2.3.1 reads headers that it cannot write: a table of more than 64 KiB. */
function isUnsendable(sent: Sent): sent is Sent & { type: 'refused' } {
  return sent.type === 'refused' && sent.error.code === 'BAD_DATA';
}
