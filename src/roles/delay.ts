// Sends messages that arrive later: chooses the wait queue or the level for each message, and writes the time at which it is
// due.

import { containsDecimal } from '../delay/decimal.ts';
import type { DelayDestination } from '../delay/destination.ts';
import { lostOptions } from '../delay/lost-options.ts';
import { delayRoute, deliveryObjects, levelObjects, longestDelaySeconds, waitObjects } from '../delay/objects.ts';
import { MqError } from '../errors.ts';
import type { OutgoingMessage } from '../session/outgoing-message.ts';
import type { Destination } from '../session/session.ts';
import { time } from '../time.ts';
import { type OutgoingParts, outgoingSeries } from './outgoing.ts';

/**
 * When messages arrive: a fixed number of milliseconds of rascal.json after they are sent, another number of milliseconds,
 * or at a time in milliseconds since 1970.
 */
export type Delay =
  | { readonly type: 'fixed'; readonly ms: number }
  | { readonly type: 'after'; readonly ms: number }
  | { readonly type: 'at'; readonly time: number };

/** The header with the time at which a delayed message is due, in milliseconds since 1970. */
export const dueHeader = 'x-mq-due';

type Parts = Omit<OutgoingParts, 'nextId' | 'destination'>;

const nothing = { exchanges: [], queues: [], bindings: [] };

/** Builds the messages of one run. `session.publisher` calls `needed` before the first message. */
export class DelayedMessages {
  readonly #delay: Delay;
  readonly #parts: Parts;
  #name = '';
  #destination: DelayDestination = { exchange: '', routingKey: '' };

  constructor(delay: Delay, parts: Parts) {
    this.#delay = delay;
    // A message that no queue has accepted is lost, whatever the user wants to know about it.
    this.#parts = { ...parts, mandatory: true };
  }

  /** Returns what must exist on the broker. Throws CONFIG or BAD_DATA for messages that cannot be delayed. */
  readonly needed = (destination: Destination, name: string) => {
    const { routingKey, properties } = this.#parts;
    refuseOptions({ ...destination.options, ...properties });
    refuseOptions({ headers: destination.options['headers'] });
    refuseDecimals({ ...Object(destination.options['headers']), ...properties.headers });
    this.#name = name;
    this.#destination = { exchange: destination.exchange, routingKey: routingKey ?? destination.routingKey };
    const { type } = this.#delay;
    const objects =
      type === 'fixed'
        ? { shared: nothing, own: waitObjects(name, this.#delay.ms, this.#destination) }
        : { shared: levelObjects(name), own: deliveryObjects(name, this.#destination) };
    return { ...objects, destination: this.#destination };
  };

  /** Returns a function that builds a message from a body. The time of the message is the time of the call. */
  series(destination: Destination): (body: Buffer) => OutgoingMessage {
    let second = Number.NaN;
    let messageOf: (body: Buffer) => OutgoingMessage;
    return (body) => {
      const now = time.date();
      // All messages of one second are encoded together.
      const current = this.#delay.type === 'at' ? secondsUntil(this.#delay.time, now) : Math.floor(now / 1000);
      if (current !== second) {
        second = current;
        messageOf = this.#seriesAt(now, destination);
      }
      return messageOf(body);
    };
  }

  #seriesAt(now: number, destination: Destination): (body: Buffer) => OutgoingMessage {
    const due = this.#delay.type === 'at' ? this.#delay.time : now + this.#delay.ms;
    const { properties } = this.#parts;
    return outgoingSeries({
      ...this.#parts,
      destination: { ...destination, ...this.#route(due, now) },
      routingKey: undefined,
      properties: { ...properties, headers: { ...properties.headers, [dueHeader]: due } },
    });
  }

  #route(due: number, now: number): { exchange: string; routingKey: string } {
    if (this.#delay.type !== 'fixed') return delayRoute(this.#name, secondsUntil(due, now), this.#destination);
    const [wait] = waitObjects(this.#name, this.#delay.ms, this.#destination).queues;
    return { exchange: '', routingKey: wait?.name ?? '' };
  }
}

/** Returns whole seconds, so that no message arrives early. A time in the past is 0 seconds away. */
function secondsUntil(time: number, now: number): number {
  return Math.min(Math.max(0, Math.ceil((time - now) / 1000)), longestDelaySeconds);
}

function refuseOptions(options: Readonly<Record<string, unknown>>): void {
  const [option] = lostOptions(options);
  if (option === undefined) return;
  throw new MqError('CONFIG', `a delayed message cannot have the option ${option.at(-1)}`, {
    hint: 'an expiration ends the wait, and the way through the wait queues keeps neither priorities nor CC',
  });
}

/** Refuses decimals for every destination, because mq cannot see whether a message reaches a stream when it is due. */
function refuseDecimals(headers: Readonly<Record<string, unknown>>): void {
  const name = Object.keys(headers).find((one) => containsDecimal(headers[one]));
  if (name === undefined) return;
  throw new MqError('BAD_DATA', `a delayed message cannot have a decimal, as in the header '${name}'`, {
    hint: 'send it as text: a decimal that is due for a stream would stop all dead letters of a RabbitMQ node',
  });
}
