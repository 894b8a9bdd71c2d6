// Computes the effective retry settings of a role.

import { type Config, deadLetterTarget } from './config.ts';
import type { OwnRetryConfig, RetryConfig } from './role.ts';

/**
 * Returns the retry settings for a subscription: those of the role merged over those of the subscription and those of
 * the file. The file's settings include mq's defaults.
 */
export function retryOf(config: Config, subscription: string, ofRole?: OwnRetryConfig): RetryConfig {
  return [config.retries[subscription], ofRole].reduce(over, config.retry);
}

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
