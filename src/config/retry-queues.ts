// Computes the effective retry settings of a role. Defines the names and arguments of the queues that mq declares for
// failed messages and for offsets:
//   <queue>.retry.<milliseconds>   stores messages until they expire and return to <queue>
//   <queue>.dead                   stores messages that failed all attempts, with the reason in x-mq-reason
//   <stream>.offset.<name>         stores the last offset of the stream that the reader <name> has handled

import { type Config, deadLetterTarget, isPrivate, namePrefix, type QueueConfig, queueType } from './config.ts';
import { dictionary, type Plain } from './plain.ts';
import { isReceiving, type OwnRetryConfig, type RetryConfig } from './role.ts';

export interface RetryQueue {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Delay before a requeued message returns to its queue, in milliseconds. It limits redelivery to 20 times a minute. */
export const requeueMs = 3000;
/** Milliseconds without use, in addition to its delay, after which the wait queue of an exclusive queue is deleted. */
const unusedMs = 60_000;

/**
 * Returns the queue that stores messages until the next attempt. If `isOwn`, the broker deletes the work queue with its
 * connection, so the wait queue expires when it is unused.
 */
export function waitQueue(queue: string, delayMs: number, { isOwn = false } = {}): RetryQueue {
  return {
    name: `${queue}.retry.${delayMs}`,
    arguments: {
      'x-message-ttl': delayMs,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': queue,
      // RabbitMQ: a quorum queue dead-letters at least once only with all three arguments.
      'x-queue-type': 'quorum',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
      ...(isOwn && { 'x-expires': delayMs + unusedMs }),
    },
  };
}

/** Returns the queue for messages that failed all attempts. */
export function deadQueue(queue: string): RetryQueue {
  // RabbitMQ: by default, a quorum queue drops a message after 20 redeliveries. Each `mq dlq list` may count as one.
  return { name: `${queue}.dead`, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': -1 } };
}

/** Returns the queue that stores the last offset of a stream that a reader has handled. It holds one message. */
export function offsetQueue(stream: string, reader: string): RetryQueue {
  // RabbitMQ 4.0 counts each read as a delivery, and drops a message after 20 by default.
  const limits = { 'x-max-length': 1, 'x-overflow': 'drop-head', 'x-delivery-limit': -1 };
  return { name: `${stream}.offset.${reader}`, arguments: { 'x-queue-type': 'quorum', ...limits } };
}

/** Returns all queues that the retry settings add to a work queue: the wait queues and the dead-letter queue. */
export function retryQueues(
  queue: string,
  { attempts, delays, deadLetter }: RetryConfig,
  { isStream = false } = {},
): RetryQueue[] {
  // A failed message of a stream is not published again. It waits in the process, so it needs no wait queue.
  const waits = new Set(isStream ? [] : [...delays.slice(0, Math.max(0, attempts - 1)), requeueMs]);
  return [
    ...[...waits].map((delayMs) => waitQueue(queue, delayMs)),
    // If the file names a dead-letter target, that target is a queue or exchange of the file.
    ...(deadLetter === undefined ? [deadQueue(queue)] : []),
  ];
}

/** A queue that mq declares for the failed messages of a work queue. Vhost and names are those of rascal.json. */
export interface MadeQueue extends RetryQueue {
  readonly vhost: string;
  readonly workQueue: string;
}

/**
 * Returns the queues that mq declares for the subscriptions of the configuration. Omits queues that the file defines,
 * and those of a work queue that is deleted with its connection.
 */
export function madeQueues(config: Config): MadeQueue[] {
  const roles = Object.values(config.roles).filter(isReceiving);
  const made = Object.entries(config.subscriptions).flatMap(([subscription, { vhost, queue: workQueue }]) => {
    const { queues = {} } = config.vhosts[vhost] ?? {};
    const work = queues[workQueue];
    if (work === undefined || isPrivate(work)) return [];
    const users = roles.filter(({ subscriptions }) => subscriptions.includes(subscription));
    const settings = [undefined, ...users].map((user) => retryOf(config, subscription, user?.retry));
    // retryQueues needs the queue's name on the broker, because it becomes a routing key. The names that this function
    // returns have no namespace prefix.
    const prefix = namePrefix(config.vhosts[vhost]);
    return settings
      .flatMap((retry) => retryQueues(prefix + workQueue, retry, { isStream: queueType(work) === 'stream' }))
      .map(({ name, arguments: given }) => ({ name: name.slice(prefix.length), arguments: given, vhost, workQueue }))
      .filter(({ name }) => !Object.hasOwn(queues, name));
  });
  return Object.values(dictionary(made.map((one) => [JSON.stringify([one.vhost, one.name]), one] as const)));
}

/** Returns the queues of `madeQueues` as rascal.json would define them, by vhost and name. */
export function madeQueueConfigs(config: Config): Record<string, Record<string, QueueConfig>> {
  const made = Map.groupBy(madeQueues(config), ({ vhost }) => vhost);
  return dictionary(
    [...made].map(([vhost, queues]) => [
      vhost,
      dictionary(queues.map((one) => [one.name, { options: { durable: true, arguments: one.arguments } }] as const)),
    ]),
  );
}

/**
 * Returns the retry settings for a subscription: those of the role merged over those of the subscription and those of
 * the file. The file's settings include mq's defaults.
 */
export function retryOf(config: Config, subscription: string, ofRole?: OwnRetryConfig): RetryConfig {
  return [config.retries[subscription], ofRole].reduce(over, config.retry);
}

/**
 * Returns why a queue with these arguments cannot delay its own retries ("native": true), or `undefined` if it can.
 * @param attempts number of attempts after which mq dead-letters a message. The queue must not do so before, because it
 * knows no reason.
 */
export function nativeFault(given: Plain, attempts: number): string | undefined {
  const pauseMs = given['x-delayed-retry-min'];
  if (given['x-queue-type'] !== 'quorum' || given['x-delayed-retry-type'] !== 'failed' || !(Number(pauseMs) > 0)) {
    return 'needs "x-queue-type": "quorum", "x-delayed-retry-type": "failed" and "x-delayed-retry-min" for native retries';
  }
  const limit = given['x-delivery-limit'] ?? defaultDeliveryLimit;
  if (typeof limit !== 'number' || limit < 0 || limit >= attempts) return undefined;
  return `drops a message after ${limit} retries (x-delivery-limit), before its ${attempts} attempts have ended`;
}

/** RabbitMQ 4: the delivery limit of a quorum queue that does not set one. */
const defaultDeliveryLimit = 20;

/** Returns a warning if failed messages of a role are lost, or `undefined` if they have a target. */
export function deadLetterWarning(config: Config, subscription: string, retry: RetryConfig): string | undefined {
  const { onFail = 'retry', deadLetter } = retry;
  if (deadLetter !== false || !['retry', 'dead-letter'].includes(onFail)) return undefined;
  const { vhost = '', queue = '' } = config.subscriptions[subscription] ?? {};
  const defined = config.vhosts[vhost]?.queues[queue];
  // The broker dead-letters rejected messages.
  if (defined && deadLetterTarget(defined).exchange !== undefined) return undefined;
  return `failed messages are lost, because the queue ${queue} has no dead-letter queue; set mq.retry or --on-fail`;
}

/** Returns a warning if the role's queue drops messages after too many redeliveries, otherwise `undefined`. */
export function droppingWarningOf(config: Config, subscription: string): string | undefined {
  const { vhost, queue } = config.subscriptions[subscription] ?? {};
  const isDropping = config.dropping?.some((one) => one.vhost === vhost && one.queue === queue);
  return isDropping
    ? `if other consumers requeue messages, the queue ${queue} drops them after more than 20 redeliveries; see mq check`
    : undefined;
}

function over(under: RetryConfig, own: OwnRetryConfig | undefined): RetryConfig {
  return own === false ? { ...under, attempts: 1, deadLetter: false } : { ...under, ...own };
}
