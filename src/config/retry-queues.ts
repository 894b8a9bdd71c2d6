// The queues that mq makes for messages that failed: their names, and the arguments that they are declared with.
//   <queue>.retry.<milliseconds>   waits; expires into <queue>
//   <queue>.dead                   what no attempt could do, with the reason in x-mq-reason

import { type Config, type QueueConfig, type RetryConfig, subscriptionsOf } from './config.ts';
import { dictionary, objectOf } from './plain.ts';
import { isPrivate } from './reach.ts';
import { retryOf } from './retry.ts';

export interface RetryQueue {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Milliseconds that a message stays away which goes back to its queue: it comes at most twenty times a minute. */
export const requeueMs = 3000;
/** Milliseconds, after the last message has left it, until a wait queue of an exclusive queue is gone. */
const unusedMs = 60_000;

/** Returns the queue in which messages wait before the next attempt. `isOwn`: the work queue goes with its connection. */
export function waitQueue(queue: string, delayMs: number, { isOwn = false } = {}): RetryQueue {
  return {
    name: `${queue}.retry.${delayMs}`,
    arguments: {
      'x-message-ttl': delayMs,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': queue,
      // RabbitMQ: only a quorum queue with all three of these dead-letters at least once.
      'x-queue-type': 'quorum',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
      ...(isOwn && { 'x-expires': delayMs + unusedMs }),
    },
  };
}

/** Returns the queue of messages that no attempt could do. */
export function deadQueue(queue: string): RetryQueue {
  // RabbitMQ: a quorum queue drops a message after 20 deliveries, and each look at it (mq dlq list) may be one.
  return { name: `${queue}.dead`, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': -1 } };
}

/** Returns every queue that the retry settings make beside a work queue: those to wait in, and that of the dead letters. */
export function retryQueues(
  queue: string,
  { attempts, delays, deadLetter }: RetryConfig,
  { isStream = false } = {},
): RetryQueue[] {
  // A message of a stream is not published again: it waits in its process.
  const waits = new Set(isStream ? [] : [...delays.slice(0, Math.max(0, attempts - 1)), requeueMs]);
  return [
    ...[...waits].map((delayMs) => waitQueue(queue, delayMs)),
    // A place that the file names is a queue or an exchange of the file.
    ...(deadLetter === undefined ? [deadQueue(queue)] : []),
  ];
}

/** A queue that mq makes, in a vhost of rascal.json, for the failed messages of a work queue. Names as in rascal.json. */
export interface MadeQueue extends RetryQueue {
  readonly vhost: string;
  readonly workQueue: string;
}

/**
 * Returns the queues that mq makes for the subscriptions of the configuration. Left out: queues that the file defines, and
 * those of a work queue that goes with its connection.
 */
export function madeQueues(config: Config): MadeQueue[] {
  const roles = Object.values(config.roles);
  const made = Object.entries(config.subscriptions).flatMap(([subscription, { vhost, queue: workQueue }]) => {
    const { queues = {}, namespace } = config.vhosts[vhost] ?? {};
    const work = queues[workQueue];
    if (work === undefined || isPrivate(work)) return [];
    const users = roles.filter((role) => subscriptionsOf(role).includes(subscription));
    const settings = [{}, ...users].map((user) => retryOf(config, { ...user, subscription }));
    // The routing key is the name that the broker knows; the names here have no namespace before them.
    const prefix = typeof namespace === 'string' ? `${namespace}:` : '';
    return settings
      .flatMap((retry) => retryQueues(prefix + workQueue, retry, { isStream: isStream(work) }))
      .map(({ name, arguments: given }) => ({ name: name.slice(prefix.length), arguments: given, vhost, workQueue }))
      .filter(({ name }) => !Object.hasOwn(queues, name));
  });
  return Object.values(dictionary(made.map((one) => [JSON.stringify([one.vhost, one.name]), one] as const)));
}

function isStream({ options = {} }: QueueConfig): boolean {
  return objectOf(options['arguments'])['x-queue-type'] === 'stream';
}
