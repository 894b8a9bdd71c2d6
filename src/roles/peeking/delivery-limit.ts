// Decides whether messages of a quorum queue may be read and returned. A quorum queue drops or dead-letters a message
// after `x-delivery-limit` failed deliveries. RabbitMQ 4.0 to 4.2 count every return. 4.3 counts only a lost connection.

import { MqError } from '../../errors.ts';
import type { RawMessage } from '../../session/wire.ts';
import { defaultLimit, forgetsReturns, type WorkQueue } from '../consuming/work-queue.ts';

/** Number of deliveries that a look leaves, because a worker or a crash may need them. */
const reserve = 3;

/** Maximum number of failed deliveries. `undefined` means no limit, and `unknown` that it cannot be read. */
export type LimitSource = number | undefined | 'unknown';

/**
 * Returns the limit of a quorum queue from its argument and its policy. RabbitMQ: a negative number means no limit, and
 * the smaller one of two limits applies (rabbit_quorum_queue:resolve_delivery_limit/2).
 */
export function effectiveLimit(argument: unknown, policy: unknown): number | undefined {
  const given = [argument, policy].filter((one) => typeof one === 'number');
  if (given.length === 0) return defaultLimit;
  const limit = given.some((one) => one < 0) ? Math.max(...given) : Math.min(...given);
  return limit < 0 ? undefined : limit;
}

/** Reports whether the broker counts a message of a quorum queue that is returned by basic.nack. */
export function countsReturns(server: WorkQueue['server']): boolean {
  return !forgetsReturns({ declared: { 'x-queue-type': 'quorum' }, isOwn: false, server }, {});
}

interface LimitedQueue {
  readonly queue: string;
  /** Properties of the broker from the login. */
  readonly server: WorkQueue['server'];
}

export class DeliveryLimit {
  readonly #limit: LimitSource;
  readonly #queue: LimitedQueue;
  /** `true` if the broker counts a return by basic.nack. */
  readonly #isCounted: boolean;

  constructor(limit: LimitSource, queue: LimitedQueue) {
    this.#limit = limit;
    this.#queue = queue;
    this.#isCounted = countsReturns(queue.server);
  }

  /** Arguments of the queue for `Renewal`, which republishes a message that the broker would drop. */
  get declared(): Readonly<Record<string, unknown>> {
    return { 'x-queue-type': 'quorum', 'x-delivery-limit': this.#limit ?? -1 };
  }

  /** Throws TOPOLOGY if no message may be read, because even the first look could be one too many. */
  refuseBefore(): void {
    const { queue, server } = this.#queue;
    if (!this.#isCounted || this.#limit === undefined) return;
    const why = `RabbitMQ ${server.version} counts each look at '${queue}' as a failed delivery`;
    if (this.#limit === 'unknown')
      throw new MqError('TOPOLOGY', `${why}, and the delivery limit of the queue is not known`, {
        hint: 'mq reads the limit from the management API: name it with --management-url or MQ_MANAGEMENT_URL',
      });
    if (this.#limit <= reserve)
      throw new MqError('TOPOLOGY', `${why}, and the queue permits only ${this.#limit}`, { hint });
  }

  /** Throws TOPOLOGY if the message is so near to the limit that another look or a lost connection could drop it. */
  refuse({ fields, properties: { headers = {} } }: RawMessage): void {
    const count = headers['x-delivery-count'];
    // A publisher can write this header, too. The broker writes it only on redelivery.
    if (this.#limit === undefined || typeof count !== 'number' || !fields.redelivered) return;
    const limit = this.#limit === 'unknown' ? defaultLimit : this.#limit;
    if (count < (this.#isCounted ? limit - reserve : limit)) return;
    const { queue, server } = this.#queue;
    const cause = this.#isCounted ? 'each look counts as one' : 'a lost connection would count as one';
    throw new MqError(
      'TOPOLOGY',
      `a message of '${queue}' has ${count} failed deliveries of at most ${limit}, and with RabbitMQ ${server.version} ${cause}`,
      { hint },
    );
  }
}

const hint = 'let a worker handle the messages, or raise the limit of the queue (policy delivery-limit)';
