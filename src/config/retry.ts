// Computes the effective retry settings of a role, and checks them against its queue.

import { type Config, deadLetterTarget } from './config.ts';
import type { Plain } from './plain.ts';
import type { OwnRetryConfig, RetryConfig } from './role.ts';

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
