// Where a dead letter goes when it is replayed: to the queue where it died, or on request to the exchange that it was
// published to. Headers say both, and a publisher may have written them. They are believed if the letter came by the
// default exchange and the name of the dead-letter queue: who can publish so can publish to every queue.

import { waitQueue } from '../config/retry-queues.ts';
import { escaped, MqError } from '../errors.ts';
import type { OutgoingMessage } from '../session/publisher.ts';
import type { ConfirmChannel, RawMessage } from '../session/wire.ts';
import { type DeadLetter, deadLetterOf, revived } from './dead-letter.ts';
import { headerNames } from './message.ts';

export interface ReplaySettings {
  /** The broker's name of the queue of dead letters. */
  readonly queue: string;
  /** To the original exchange and key. */
  readonly toExchange: boolean;
  /** Headers are believed wherever they come from. */
  readonly isSure: boolean;
  /** Milliseconds that a letter waits, if it goes by a wait queue. */
  readonly delayMs: number;
}

export interface Target {
  readonly exchange: string;
  readonly routingKey: string;
}

/** What a session knows of wait queues. */
export interface WaitQueues {
  /** Declared as rascal.json says. */
  readonly declared: Pick<ReadonlyMap<string, unknown>, 'has'>;
  /** Returns those that the account may not declare and that exist; rejects with NOT_PERMITTED if one does not exist. */
  readonly existingOnly: (queues: readonly string[]) => Promise<ReadonlySet<string>>;
}

export class Replay {
  readonly #settings: ReplaySettings;
  readonly #nextId: () => string;
  #channel: ConfirmChannel | undefined;
  #queues: WaitQueues = { declared: new Map(), existingOnly: async () => new Set() };
  /** Queues that exist. */
  readonly #found = new Set<string>();
  /** Wait queues that exist and that the account may not declare. */
  readonly #existing = new Set<string>();
  /** Wait queues that were declared, with their arguments. */
  readonly #declared = new Map<string, object>();

  constructor(settings: ReplaySettings, nextId: () => string) {
    this.#settings = settings;
    this.#nextId = nextId;
  }

  /** For the publisher: called with each new channel. */
  readonly onChannel = async (channel: ConfirmChannel): Promise<void> => {
    this.#channel = channel;
    for (const [name, args] of this.#declared) await declare(channel, name, args);
  };

  use(queues: WaitQueues): void {
    this.#queues = queues;
  }

  /** Returns where the letter goes, or why it cannot go there. */
  targetOf(raw: RawMessage): Target | MqError {
    const { queue, toExchange, isSure } = this.#settings;
    const letter = deadLetterOf(raw);
    const target = toExchange ? originOf(letter) : letter.queue === undefined ? undefined : direct(letter.queue);
    const hint = `mq dlq move --queue ${queue} --to QUEUE sends it to a queue of your choice`;
    if (!target) return new MqError('BAD_DATA', 'nothing says where it came from', { hint });
    if (!toExchange && target.routingKey === queue)
      return new MqError('BAD_DATA', `it died in ${queue} itself, and is there`, { hint });
    if (isSure || isTrusted(raw, queue)) return target;
    return new MqError('BAD_DATA', `only headers that any publisher can write say that it goes to ${placeOf(target)}`, {
      hint: `--yes believes them, --dry-run shows them; ${hint}`,
    });
  }

  /** Returns the message that is published for the letter, or why there is none. */
  async copyOf(raw: RawMessage): Promise<OutgoingMessage | MqError> {
    const target = this.targetOf(raw);
    if (target instanceof MqError) return target;
    const origin = this.#settings.toExchange ? undefined : originOf(deadLetterOf(raw));
    const isDirect = !origin || (origin.exchange === '' && origin.routingKey === target.routingKey);
    const way = isDirect ? target : await this.#waitQueue(target.routingKey);
    if (way instanceof MqError) return way;
    return copyOf(raw, {
      target: way,
      nextId: this.#nextId,
      // A handler sees the first exchange and key of what comes back from a wait queue (message.ts).
      headers: isDirect
        ? {}
        : {
            [headerNames.queue]: target.routingKey,
            [headerNames.exchange]: origin.exchange,
            [headerNames.routingKey]: origin.routingKey,
          },
    });
  }

  /** Returns the way to the queue by its wait queue, or why there is none. */
  async #waitQueue(queue: string): Promise<Target | MqError> {
    const { name, arguments: args } = waitQueue(queue, this.#settings.delayMs);
    // A wait queue would keep the letter, out of sight, until somebody declares the queue.
    if (this.#channel && !this.#found.has(queue)) {
      const isFound = await exists(this.#channel, queue);
      if (isFound) this.#found.add(queue);
    }
    const { declared, existingOnly } = this.#queues;
    if (declared.has(name) || this.#existing.has(name) || this.#declared.has(name) || !this.#channel)
      return direct(name);
    try {
      for (const existing of await existingOnly([name])) this.#existing.add(existing);
    } catch (error) {
      if (error instanceof MqError && error.code === 'NOT_PERMITTED') return error;
      throw error;
    }
    if (this.#existing.has(name)) return direct(name);
    this.#declared.set(name, args);
    // A refusal closes the channel; the publisher reports it for the message.
    await declare(this.#channel, name, args).catch(() => undefined);
    return direct(name);
  }
}

/** Counts where letters go, to show it. */
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

  /** Returns one line for each place. */
  lines(): string {
    const lines = [...this.#counts].map(([where, count]) => `${count} message${count === 1 ? '' : 's'} ${where}`);
    return lines.map((line) => `${escaped(line)}\n`).join('');
  }
}

function placeOf({ exchange, routingKey }: Target): string {
  return exchange === '' ? `the queue '${routingKey}'` : `the exchange '${exchange}' with the key '${routingKey}'`;
}

/** Returns the message for a letter that lives again: without what was written at its deaths. */
export function copyOf(
  { properties, content }: RawMessage,
  { target, nextId, headers, keepsOrigin = false }: CopyParts,
): OutgoingMessage {
  // RabbitMQ: user_id must be that of the connection.
  const { userId: _, headers: own = {}, ...kept } = properties;
  return {
    ...target,
    body: content,
    properties: {
      ...kept,
      messageId: kept.messageId ?? nextId(),
      headers: { ...revived(own, keepsOrigin), ...headers },
    },
    mandatory: true,
  };
}

interface CopyParts {
  readonly target: Target;
  readonly nextId: () => string;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Keeps mq's headers that say where it came from and why it died. */
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

/** A missing queue closes the channel; the publisher reports that for the message. */
function exists(channel: ConfirmChannel, queue: string): Promise<boolean> {
  return new Promise((resolve) => {
    channel.checkQueue(queue, (error) => resolve(!error));
  });
}

function declare(channel: ConfirmChannel, queue: string, args: object): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.assertQueue(queue, { durable: true, arguments: args }, (error) => (error ? reject(error) : resolve()));
  });
}
