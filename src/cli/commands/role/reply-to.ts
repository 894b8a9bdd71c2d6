// Decides where a role may send a reply. The requester writes reply_to, but the reply is sent with the permissions of
// the role.

import type { Config } from '../../../config/config.ts';

/**
 * Returns a function that checks whether a reply may go to a queue. With patterns, the queue must match one
 * (`replies.*`). Without patterns, every queue is allowed except those of rascal.json that are not for replies;
 * otherwise a requester could send a task to a work queue. Direct reply-to is always allowed, because it leads only to
 * the requester.
 */
export function replyPlaces(patterns: readonly string[], { vhosts, publications }: Config): (queue: string) => boolean {
  if (patterns.length > 0) {
    const forms = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(RegExp.escape).join('.*')}$`, 's'));
    return (queue) => isDirect(queue) || forms.some((form) => form.test(queue));
  }
  const forReplies = new Set(Object.values(publications).map(({ replyTo }) => replyTo));
  const others = Object.values(vhosts).flatMap(({ queues }) => {
    return Object.keys(queues).filter((name) => queues[name]?.replyTo === undefined && !forReplies.has(name));
  });
  // If a queue is refused, its retry and dead-letter queues are refused as well.
  return (queue) =>
    isDirect(queue) ||
    !others.some((name) => queue === name || queue === `${name}.dead` || queue.startsWith(`${name}.retry.`));
}

function isDirect(queue: string): boolean {
  return queue.startsWith('amq.rabbitmq.reply-to.');
}
