// Prevents the broker from dropping dead letters that mq only reads. RabbitMQ before 4.3 counts each return of a
// message to a quorum queue and drops the message after `x-delivery-limit` returns. A message that is published again
// starts at zero.

import { asMqError, type MqError } from '../../errors.ts';
import type { OutgoingMessage } from '../../session/outgoing-message.ts';
import type { Publisher } from '../../session/publisher.ts';
import type { BrowsedMessage, Republisher } from '../../session/session.ts';
import type { RawMessage } from '../../session/wire.ts';
import { forgetsReturns, returnLimit, type WorkQueue } from '../consuming/work-queue.ts';
import { headerNames, messageOf } from '../message.ts';

interface RenewalParts {
  readonly queue: string;
  /** Arguments of the queue. `undefined` if mq does not know them. */
  readonly declared: WorkQueue['declared'];
  readonly open: () => Promise<Publisher>;
  readonly nextId: () => string;
  /** Number of returns after which a message is republished if the limit of the queue is known and not smaller. */
  readonly mostReturns?: number;
}

/** Number of returns after which a dead letter is republished if the limit of its queue is unknown. */
const mostUnknown = 2;
/** Default number of returns after which a dead letter is republished if the limit is known. */
const mostKnown = 10;

export class Renewal implements Republisher {
  readonly #parts: RenewalParts;
  /** Resolves when the previous dead letter was passed to the publisher, so that the order of the queue is kept. */
  #last: Promise<unknown> = Promise.resolve();
  #publisher: Promise<Publisher> | undefined;
  #renewed = 0;
  #failed = 0;
  #failure: MqError | undefined;

  constructor(parts: RenewalParts) {
    this.#parts = parts;
  }

  isNeeded({ properties: { headers = {} } }: RawMessage, server: WorkQueue['server']): boolean {
    const { declared, mostReturns = mostKnown } = this.#parts;
    const queue = { declared, isOwn: false, server };
    const given = headers['x-delivery-count'];
    const returns = typeof given === 'number' ? given : declared?.['x-queue-type'] === 'quorum' ? 0 : undefined;
    if (returns === undefined || forgetsReturns(queue, headers)) return false;
    const limit = returnLimit(queue, headers);
    return limit !== undefined && returns >= (declared ? Math.min(mostReturns, limit) : mostUnknown);
  }

  /** Publishes the letter to the end of its queue and removes the original, which stays on failure. Never rejects. */
  async republish(message: BrowsedMessage): Promise<void> {
    const sent = this.#last.then(async () => {
      this.#publisher ??= this.#parts.open();
      const publisher = await this.#publisher;
      await publisher.room();
      // The next letter does not wait for the confirm of this one.
      return { outcome: publisher.publish(this.#copyOf(message.raw)) };
    });
    this.#last = sent.catch(() => undefined);
    try {
      const result = await (await sent).outcome;
      if (result.type !== 'confirmed') throw result.error;
      message.remove();
      this.#renewed += 1;
    } catch (error) {
      message.leave();
      this.#failed += 1;
      this.#failure ??= asMqError(error);
    }
  }

  /** Returns lines for stderr: how many letters were published again, and how many the broker may drop. */
  report(): string {
    const { queue } = this.#parts;
    const why = 'the broker drops a message that is read too often';
    let text = '';
    if (this.#renewed > 0) text += `published ${counted(this.#renewed)} of ${queue} again: ${why}\n`;
    if (this.#failed > 0)
      text += `cannot publish ${counted(this.#failed)} of ${queue} again: ${this.#failure?.message}; ${why}\n`;
    return text;
  }

  #copyOf(raw: RawMessage): OutgoingMessage {
    const { queue, nextId } = this.#parts;
    const { userId: _, headers: _own, ...kept } = raw.properties;
    const { exchange, routingKey } = raw.fields;
    const isByName = exchange === '' && routingKey === queue;
    // Untrusted headers about this queue are removed, because they would become trusted if mq published them.
    const headers = Object.fromEntries(
      Object.entries(messageOf(raw, queue).headers).filter(([name]) => !notKept.has(name)),
    );
    return {
      ...{ exchange: '', routingKey: queue, body: raw.content, mandatory: true },
      properties: {
        ...kept,
        messageId: kept.messageId ?? nextId(),
        headers: {
          ...(!isByName && { [headerNames.exchange]: exchange, [headerNames.routingKey]: routingKey }),
          ...headers,
          ...(!isByName && { [headerNames.unproven]: true }),
        },
      },
    };
  }
}

/** Headers that are not republished: the broker's counters, and CC and BCC, which RabbitMQ would use for routing. */
const notKept = new Set(['x-delivery-count', 'x-acquired-count', 'CC', 'BCC']);

function counted(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}
