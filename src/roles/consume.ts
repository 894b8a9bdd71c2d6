// The behaviours `consume` and `reply`: takes messages, hands them to the handler, and does what its outcome says.
// Nothing is acknowledged before what it caused is safe: printed, replied, or confirmed in a wait or dead-letter queue.

import type { HandlerConfig, RetryConfig } from '../config/config.ts';
import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import type { Handler, Message, Outcome, Reply } from '../handlers/handler.ts';
import type { Consumer, Delivery } from '../session/consumer.ts';
import type { Publisher, Sent } from '../session/publisher.ts';
import type { Session } from '../session/session.ts';
import { headerNames, jsonOf, messageOf } from './message.ts';
import { messageIds } from './outgoing.ts';
import { isClosedPipe, Printer } from './printer.ts';
import { Retries } from './retries.ts';
import { interrupted } from './signal.ts';

export interface ConsumeSettings {
  readonly behaviour: 'consume' | 'reply';
  readonly subscription: string;
  readonly bindingKeys: readonly string[] | undefined;
  readonly prefetch: number;
  readonly concurrency: number;
  /** Stop after so many messages. */
  readonly count: number | undefined;
  /** Stop after so long without a message. */
  readonly idleMs: number | undefined;
  readonly untilEmpty: boolean;
  readonly json: boolean;
  readonly retry: RetryConfig;
  /** Made before the first message is taken. */
  readonly handler: Handler;
  /** False for handlers that cannot fail: then no connection for outcomes is opened. */
  readonly canFail: boolean;
}

/** Resolves at the orderly end (count, idle, empty, signal, closed pipe); throws what ended it otherwise. */
export async function consume(context: Context, session: Session, settings: ConsumeSettings): Promise<void> {
  const { consumer, vhost } = await session.consumer(settings.subscription, {
    prefetch: settings.prefetch,
    ...(settings.bindingKeys && { bindingKeys: settings.bindingKeys }),
  });
  const nextId = messageIds();
  const retries = new Retries({ queue: () => consumer.queue, config: settings.retry, nextId });
  let publisher: Publisher | undefined;
  if (settings.canFail || settings.behaviour === 'reply') {
    publisher = await session.outcomePublisher(vhost, retries.onChannel);
    retries.use(publisher);
  }
  const intake = new Intake({ context, consumer, publisher, retries, nextId, settings });
  await intake.run();
}

interface IntakeParts {
  readonly context: Context;
  readonly consumer: Consumer;
  readonly publisher: Publisher | undefined;
  readonly retries: Retries;
  readonly nextId: () => string;
  readonly settings: ConsumeSettings;
}

class Intake {
  readonly #parts: IntakeParts;
  readonly #printer: Printer;
  /** Delivered, not yet in a handler. */
  readonly #waiting: Delivery[] = [];
  /** In a handler. */
  readonly #running = new Map<Delivery, Promise<void>>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #giveUp = new AbortController();
  #started = 0;
  #stopping = false;
  #failure: MqError | undefined;
  #idle: NodeJS.Timeout | undefined;
  #looking = false;
  #mute = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#printer = new Printer(parts.context.stdout);
  }

  async run(): Promise<void> {
    const { context, consumer } = this.#parts;
    consumer.on('delivery', (delivery) => this.#take(delivery));
    consumer.on('interrupted', (error) => context.stderr.write(`${error.message}; consuming again\n`));
    consumer.on('fatal', (error) => this.#fail(error));
    context.stdout.once('error', (error: Error) => this.#onStdoutError(error));
    const stop = () => this.#stop();
    const abandon = () => this.#giveUp.abort();
    context.drain.addEventListener('abort', stop, { once: true });
    context.abandon.addEventListener('abort', abandon, { once: true });
    try {
      if (context.drain.aborted) return;
      await consumer.start();
      context.stderr.write(`waiting for messages from ${consumer.queue}\n`);
      this.#rest();
      await this.#ended.promise;
      await consumer.stop();
      for (const delivery of this.#waiting.splice(0)) delivery.nack(true);
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
    for (const delivery of this.#running.keys()) delivery.nack(true);
    this.#running.clear();
  }

  #take(delivery: Delivery): void {
    if (this.#stopping) {
      delivery.nack(true);
      return;
    }
    clearTimeout(this.#idle);
    this.#waiting.push(delivery);
    this.#fill();
  }

  #fill(): void {
    const { concurrency, count = Number.POSITIVE_INFINITY } = this.#parts.settings;
    while (!this.#stopping && this.#running.size < concurrency && this.#started < count) {
      const delivery = this.#waiting.shift();
      if (!delivery) break;
      this.#started += 1;
      this.#running.set(delivery, this.#handle(delivery));
    }
  }

  async #handle(delivery: Delivery): Promise<void> {
    const { settings, retries, context } = this.#parts;
    const message = messageOf(delivery.raw, delivery.queue);
    try {
      const outcome: Outcome =
        this.#parts.publisher && !retries.allows(message)
          ? { type: 'dead-letter', reason: `${message.attempt - 1} attempts ended without an outcome` }
          : await settings.handler.handle(message, { signal: this.#giveUp.signal });
      if (this.#running.has(delivery) || !this.#giveUp.signal.aborted) await this.#settle(delivery, message, outcome);
    } catch (error) {
      delivery.nack(true);
      if (isClosedPipe(error)) this.#stop();
      else
        this.#fail(
          error instanceof MqError
            ? error
            : new MqError('BUG', `a message could not be settled: ${String(error)}`, { cause: error }),
        );
    }
    this.#running.delete(delivery);
    if (context.abandon.aborted) return;
    if (this.#started >= (settings.count ?? Number.POSITIVE_INFINITY) && this.#running.size === 0) this.#stop();
    this.#fill();
    this.#rest();
  }

  async #settle(delivery: Delivery, message: Message, outcome: Outcome): Promise<void> {
    const { settings, retries, context } = this.#parts;
    switch (outcome.type) {
      case 'ack':
        if (settings.behaviour === 'reply') await this.#reply(message, outcome.reply);
        if (settings.json) await this.#printer.json(jsonOf(message));
        else if (settings.handler.prints === 'role') await this.#printer.body(message.body);
        return delivery.ack();
      case 'retry':
        context.stderr.write(`attempt ${message.attempt} failed: ${outcome.reason}\n`);
        confirmedOrThrow(await retries.again(message, outcome.reason));
        return delivery.ack();
      case 'dead-letter':
        context.stderr.write(`to the dead-letter queue: ${outcome.reason}\n`);
        confirmedOrThrow(await retries.deadLetter(message, outcome.reason));
        return delivery.ack();
      case 'reject':
        return delivery.reject(outcome.requeue);
      case 'nack':
        return delivery.nack(outcome.requeue);
      case 'stop':
        delivery.nack(true);
        // Not so the pipe of --file, which the error names.
        if (isClosedPipe(outcome.error) && outcome.error.at === undefined) return this.#stop();
        return this.#fail(outcome.error);
    }
  }

  /** A request without reply_to is done without one. A requester that has gone is no failure of the server. */
  async #reply(message: Message, reply: Reply | undefined): Promise<void> {
    const { replyTo, correlationId } = message.properties;
    const { publisher, nextId, context } = this.#parts;
    if (replyTo === undefined || !publisher) {
      if (!this.#mute) context.stderr.write('a request without reply_to was handled without a reply\n');
      this.#mute = true;
      return;
    }
    const sent = await publisher.publish({
      exchange: '',
      routingKey: replyTo,
      body: reply?.body ?? Buffer.alloc(0),
      mandatory: false, // RabbitMQ: direct reply-to counts a mandatory reply as unroutable
      properties: {
        messageId: nextId(),
        ...(correlationId !== undefined && { correlationId }),
        ...(reply?.contentType && { contentType: reply.contentType }),
        ...(reply?.error !== undefined && { type: 'error', headers: { [headerNames.error]: reply.error } }),
      },
    });
    confirmedOrThrow(sent);
  }

  /** Nothing in hand: start the idle clock, look whether the queue is empty. */
  #rest(): void {
    if (this.#stopping || this.#running.size > 0 || this.#waiting.length > 0) return;
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
    if (this.#stopping || this.#running.size > 0 || this.#waiting.length > 0) return;
    if (ready === 0) this.#stop();
    else setTimeout(() => this.#rest(), 50); // on its way here, or the connection is away
  }

  #onStdoutError(error: Error): void {
    if (isClosedPipe({ cause: error })) this.#stop();
    else this.#fail(new MqError('IO', `cannot write to stdout: ${error.message}`, { cause: error }));
  }

  #fail(error: MqError): void {
    this.#failure ??= error;
    this.#stop();
  }

  #stop(): void {
    this.#stopping = true;
    this.#ended.resolve();
  }
}

function confirmedOrThrow(sent: Sent): void {
  if (sent.type !== 'confirmed') throw sent.error;
}

/** True if the handler's outcome can be other than ack. */
export function canFail(handler: HandlerConfig | { file: string }): boolean {
  return 'exec' in handler || 'module' in handler || ('builtin' in handler && handler.builtin === 'work');
}
