// Computes the destination of a replayed dead letter: the queue in which it failed, or on request the exchange of its
// first publish. Both are in headers, which any publisher may have written. The headers are trusted if the letter
// arrived through the default exchange with the name of the dead-letter queue as routing key. A client that may publish
// through the default exchange may publish to any queue.

import { waitQueue } from '../../config/retry-queues.ts';
import { escaped, MqError } from '../../errors.ts';
import type { OutgoingMessage } from '../../session/outgoing-message.ts';
import { promised } from '../../session/promised.ts';
import type { ConfirmChannel, RawMessage } from '../../session/wire.ts';
import { headerNames } from '../message.ts';
import { type DeadLetter, deadLetterOf, withoutDeadLetterHeaders } from './dead-letter.ts';

interface ReplaySettings {
  /** The broker's name of the dead-letter queue. */
  readonly queue: string;
  /** `true` sends letters to their original exchange and key. */
  readonly toExchange: boolean;
  /** `true` trusts the headers regardless of their origin. */
  readonly isSure: boolean;
  /** Delay in milliseconds, for a letter that goes through a wait queue. */
  readonly delayMs: number;
}

interface Target {
  readonly exchange: string;
  readonly routingKey: string;
}

/** Wait queues that the session declared or can check. */
interface WaitQueues {
  /** Queues that were declared as in rascal.json. */
  readonly declared: Pick<ReadonlyMap<string, unknown>, 'has'>;
  /** Returns existing queues that the user may not declare. Rejects with NOT_PERMITTED if one does not exist. */
  readonly existingOnly: (queues: readonly string[]) => Promise<ReadonlySet<string>>;
}

export class Replay {
  readonly #settings: ReplaySettings;
  readonly #nextId: () => string;
  #channel: ConfirmChannel | undefined;
  #queues: WaitQueues = { declared: new Map(), existingOnly: async () => new Set() };
  /** Queues that exist. */
  readonly #found = new Set<string>();
  /** Queues whose check had no answer. */
  readonly #unchecked = new Set<string>();
  /** Wait queues that exist but that the user may not declare. */
  readonly #existing = new Set<string>();
  /** Declared wait queues with their arguments. */
  readonly #declared = new Map<string, object>();

  constructor(settings: ReplaySettings, nextId: () => string) {
    this.#settings = settings;
    this.#nextId = nextId;
  }

  /**
   * Declares the wait queues on each new channel of the publisher. Rejects if a queue does not exist whose check had no
   * answer on the last channel, so that no letter for it is published.
   */
  readonly onChannel = async (channel: ConfirmChannel): Promise<void> => {
    this.#channel = channel;
    for (const queue of this.#unchecked) {
      await check(channel, queue);
      this.#unchecked.delete(queue);
      this.#found.add(queue);
    }
    for (const [name, args] of this.#declared) await declare(channel, name, args);
  };

  use(queues: WaitQueues): void {
    this.#queues = queues;
  }

  /** Returns the target of the letter, or why it cannot be sent there. */
  targetOf(raw: RawMessage): Target | MqError {
    const { queue, toExchange, isSure } = this.#settings;
    const letter = deadLetterOf(raw);
    const target = toExchange ? originOf(letter) : letter.queue === undefined ? undefined : direct(letter.queue);
    const hint = `mq dlq move --queue ${queue} --to QUEUE sends it to a queue of your choice`;
    if (!target) return new MqError('BAD_DATA', 'its headers do not name its origin', { hint });
    if (!toExchange && target.routingKey === queue)
      return new MqError('BAD_DATA', `it failed in ${queue} itself, so it is already in its original queue`, { hint });
    if (letter.offset !== undefined)
      return new MqError(
        'BAD_DATA',
        `it failed in the stream '${letter.queue ?? queue}', whose other readers would get a copy`,
        {
          hint: `consume ${queue} with a subscription of its own; ${hint}`,
        },
      );
    if (isSure || isTrusted(raw, queue)) return target;
    return new MqError('BAD_DATA', `any publisher can write the headers that name ${placeOf(target)}`, {
      hint: `--yes trusts these headers, --dry-run shows the targets; ${hint}`,
    });
  }

  /** Returns the message to publish for the letter, or the reason why it cannot be published. */
  async copyOf(raw: RawMessage): Promise<OutgoingMessage | MqError> {
    const target = this.targetOf(raw);
    if (target instanceof MqError) return target;
    const origin = this.#settings.toExchange ? undefined : originOf(deadLetterOf(raw));
    const isDirect = !origin || (origin.exchange === '' && origin.routingKey === target.routingKey);
    const route = isDirect ? target : await this.#waitQueue(target.routingKey);
    if (route instanceof MqError) return route;
    return copyOf(raw, {
      target: route,
      nextId: this.#nextId,
      // These headers restore the first exchange and key after the wait queue, so that the handler sees them
      // (message.ts).
      headers: isDirect
        ? {}
        : {
            [headerNames.queue]: target.routingKey,
            [headerNames.exchange]: origin.exchange,
            [headerNames.routingKey]: origin.routingKey,
          },
    });
  }

  /** Returns the wait queue that leads to the queue, or the reason why it cannot be used. */
  async #waitQueue(queue: string): Promise<Target | MqError> {
    const { name, arguments: args } = waitQueue(queue, this.#settings.delayMs);
    // The work queue must exist. Otherwise the letter would stay unseen in the wait queue until the work queue is
    // declared.
    if (this.#channel && !this.#found.has(queue)) {
      const isFound = await check(this.#channel, queue).then(
        () => true,
        () => false,
      );
      (isFound ? this.#found : this.#unchecked).add(queue);
    }
    const { declared, existingOnly } = this.#queues;
    if (declared.has(name) || this.#existing.has(name) || this.#declared.has(name) || !this.#channel)
      return direct(name);
    try {
      for (const existing of await existingOnly([name])) this.#existing.add(existing);
    } catch (error) {
      if (error instanceof MqError && ['NOT_PERMITTED', 'TOPOLOGY'].includes(error.code)) return error;
      throw error;
    }
    if (this.#existing.has(name)) return direct(name);
    this.#declared.set(name, args);
    // A refusal closes the channel, and the publisher reports it for the message.
    await declare(this.#channel, name, args).catch(() => undefined);
    return direct(name);
  }
}

/** Counts the letters per target, for display. */
export class Targets {
  readonly #replay: Replay;
  readonly #counts = new Map<string, number>();
  size = 0;

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  add(raw: RawMessage): void {
    this.size += 1;
    const target = this.#replay.targetOf(raw);
    const where = target instanceof MqError ? `not replayed: ${target.message}` : `to ${placeOf(target)}`;
    this.#counts.set(where, (this.#counts.get(where) ?? 0) + 1);
  }

  /** Returns one line for each target. */
  lines(): string {
    const lines = [...this.#counts].map(([where, count]) => `${count} message${count === 1 ? '' : 's'} ${where}`);
    return lines.map((line) => `${escaped(line)}\n`).join('');
  }
}

/** Describes a target for people. */
export function placeOf({ exchange, routingKey }: Target): string {
  if (exchange === '') return `the queue '${routingKey}'`;
  return `the exchange '${exchange}'${routingKey === '' ? '' : ` with the key '${routingKey}'`}`;
}

/**
 * Returns the message that moves a letter to another queue. It keeps the attempts of the letter. In the queue where the
 * letter died, the next attempt continues the count.
 */
export function movedCopyOf(raw: RawMessage, { queue, to, nextId }: MoveParts): OutgoingMessage {
  const { headers = {} } = raw.properties;
  const attempts = headers[headerNames.attempt];
  const isBack = headers[headerNames.queue] === to;
  const kept =
    typeof attempts === 'number' && isTrusted(raw, queue)
      ? { [headerNames.attempt]: isBack ? attempts + 1 : attempts }
      : {};
  return copyOf(raw, { target: direct(to), nextId, headers: kept, keepsOrigin: true });
}

interface MoveParts {
  /** Queue that contains the letter, and the queue that receives it. */
  readonly queue: string;
  readonly to: string;
  readonly nextId: () => string;
}

/** Returns the message that replaces a letter, without the headers that dead-lettering added. */
function copyOf(
  { properties, content }: RawMessage,
  { target, nextId, headers, keepsOrigin = false }: CopyParts,
): OutgoingMessage {
  // RabbitMQ: user_id must be the user of the connection.
  const { userId: _, headers: own = {}, ...kept } = properties;
  return {
    ...target,
    body: content,
    properties: {
      ...kept,
      messageId: kept.messageId ?? nextId(),
      headers: { ...withoutDeadLetterHeaders(own, keepsOrigin), ...headers },
    },
    mandatory: true,
  };
}

interface CopyParts {
  readonly target: Target;
  readonly nextId: () => string;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Keeps mq's headers about the origin and the reason. */
  readonly keepsOrigin?: boolean;
}

function originOf({ exchange, routingKey }: DeadLetter): Target | undefined {
  return exchange === undefined || routingKey === undefined ? undefined : { exchange, routingKey };
}

function direct(queue: string): Target {
  return { exchange: '', routingKey: queue };
}

function isTrusted(
  { fields: { exchange, routingKey }, properties: { headers = {} } }: RawMessage,
  queue: string,
): boolean {
  return exchange === '' && routingKey === queue && headers[headerNames.unproven] !== true;
}

/**
 * Rejects if a queue does not exist, or if the channel is lost. A missing queue closes the channel, and the publisher
 * reports that for the message.
 */
function check(channel: ConfirmChannel, queue: string): Promise<unknown> {
  return promised((next) => channel.checkQueue(queue, next));
}

function declare(channel: ConfirmChannel, queue: string, args: object): Promise<unknown> {
  return promised((next) => channel.assertQueue(queue, { durable: true, arguments: args }, next));
}
