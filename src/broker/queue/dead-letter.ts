// Builds dead letters: copies of messages with RabbitMQ's `x-death` headers.

import { type FieldValue, Timestamp } from '../codec/table.ts';
import type { Death, DeathReason } from '../store/contract.ts';
import { Message } from './message.ts';
import type { QueueSettings } from './settings.ts';

interface DeadLetterSource {
  readonly name: string;
  readonly settings: Pick<QueueSettings, 'deadLetterExchange' | 'deadLetterRoutingKey'>;
}

/** Returns the message that is published to the dead letter exchange of `queue`. `now` is in milliseconds since 1970. */
export function deadMessage(
  message: Message,
  { queue, reason, now }: { queue: DeadLetterSource; reason: DeathReason; now: number },
): Message {
  const deaths = withDeath(message, { queue: queue.name, reason, now });
  const [latest] = deaths;
  const last = { exchange: latest?.exchange ?? '', queue: queue.name, reason };
  // RabbitMQ: `x-first-death-…` describes the first death and never changes, `x-last-death-…` describes the latest death.
  const headers: Record<string, FieldValue | undefined> = {
    'x-death': deaths.map(deathTable),
    ...(message.deaths === undefined && named('x-first-death-', last)),
    ...named('x-last-death-', last),
  };
  const key = queue.settings.deadLetterRoutingKey;
  return new Message({
    exchange: queue.settings.deadLetterExchange ?? '',
    routingKey: key ?? message.routingKey,
    // RabbitMQ: the expiration is removed, so that the message does not expire again in the next queue.
    ...message.changedContent({ expiration: undefined, headers }),
    persistent: message.persistent,
    priority: message.priority,
    expirationMs: undefined,
    moreKeys: key === undefined ? message.moreKeys : undefined,
    hiddenKeys: key === undefined ? message.hiddenKeys : undefined,
    deaths,
  });
}

/** RabbitMQ: the newest death is first. A repeated death increments its count and moves to the front. */
function withDeath(
  message: Message,
  { queue, reason, now }: { queue: string; reason: DeathReason; now: number },
): Death[] {
  const deaths = message.deaths ?? [];
  const same = deaths.find((death) => death.queue === queue && death.reason === reason);
  if (same !== undefined) {
    return [{ ...same, count: same.count + 1 }, ...deaths.filter((death) => death !== same)];
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
 * Returns true if the message has died in the queue before and no client has rejected it since. RabbitMQ drops such a
 * message, because it would circulate forever.
 */
export function isCycle(message: Message, queueName: string): boolean {
  const deaths = message.deaths ?? [];
  const index = deaths.findIndex(({ queue }) => queue === queueName);
  return index >= 0 && deaths.slice(0, index + 1).every(({ reason }) => reason !== 'rejected');
}
