// What becomes of a message that dies in a queue: a new message with the story of its deaths in its headers.

import { type FieldValue, Timestamp } from '../codec/table.ts';
import type { Death, DeathReason } from '../store/contract.ts';
import { Message } from './message.ts';
import type { Queue } from './queue.ts';

/** The message that goes to the dead letter exchange of the queue in which this one died. */
export function deadMessage(
  message: Message,
  { queue, reason, now }: { queue: Queue; reason: DeathReason; now: number },
): Message {
  const deaths = withDeath(message, { queue: queue.name, reason, now });
  const [latest] = deaths;
  const last = { exchange: latest?.exchange ?? '', queue: queue.name, reason };
  // RabbitMQ: what is told of the first death stays, what is told of the last one changes.
  const headers: Record<string, FieldValue | undefined> = {
    'x-death': deaths.map(deathTable),
    ...(message.deaths === undefined && named('x-first-death-', last)),
    ...named('x-last-death-', last),
  };
  const key = queue.settings.deadLetterRoutingKey;
  return new Message({
    exchange: queue.settings.deadLetterExchange ?? '',
    routingKey: key ?? message.routingKey,
    // RabbitMQ: the expiration is taken off, so that the message does not expire again where it goes.
    ...message.changedContent({ expiration: undefined, headers }),
    persistent: message.persistent,
    priority: message.priority,
    expirationMs: undefined,
    moreKeys: key === undefined ? message.moreKeys : undefined,
    hiddenKeys: key === undefined ? message.hiddenKeys : undefined,
    deaths,
  });
}

/** RabbitMQ: the newest first; one that is there already is counted up and moves to the front. */
function withDeath(
  message: Message,
  { queue, reason, now }: { queue: string; reason: DeathReason; now: number },
): Death[] {
  const deaths = message.deaths ?? [];
  const known = deaths.find((death) => death.queue === queue && death.reason === reason);
  if (known !== undefined) {
    return [{ ...known, count: known.count + 1 }, ...deaths.filter((death) => death !== known)];
  }
  const { exchange, routingKey, moreKeys = [], hiddenKeys = [] } = message;
  return [
    {
      queue,
      reason,
      exchange,
      routingKeys: [routingKey, ...moreKeys.filter((key) => !hiddenKeys.includes(key))],
      count: 1,
      time: now,
      originalExpiration: message.expirationMs === undefined ? undefined : message.properties().expiration,
    },
    ...deaths,
  ];
}

function deathTable(death: Death): FieldValue {
  return {
    ...(death.originalExpiration !== undefined && { 'original-expiration': death.originalExpiration }),
    count: death.count,
    reason: death.reason,
    queue: death.queue,
    time: new Timestamp(Math.floor(death.time / 1000)),
    exchange: death.exchange,
    'routing-keys': death.routingKeys,
  };
}

function named(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]));
}

/**
 * RabbitMQ: a message that comes back to a queue in which it died, without a client having rejected it on the way, would
 * go round for ever, and is dropped.
 */
export function isCycle(message: Message, queueName: string): boolean {
  const deaths = message.deaths ?? [];
  const index = deaths.findIndex(({ queue }) => queue === queueName);
  return index >= 0 && deaths.slice(0, index + 1).every(({ reason }) => reason !== 'rejected');
}
