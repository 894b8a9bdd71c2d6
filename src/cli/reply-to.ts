// Where a role may send a reply: reply_to is what the requester wrote, and the reply goes with the rights of the role.

import type { Config } from '../config/config.ts';

/**
 * Returns what tells whether a reply may go to a queue: one that fits a pattern (`replies.*`), or without patterns every
 * queue but those of rascal.json that are not for replies. Otherwise a requester could send a task to a work queue. Direct
 * reply-to is always permitted, because it leads to the requester only.
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
  // Those that mq makes beside a queue belong to it.
  return (queue) =>
    isDirect(queue) ||
    !others.some((name) => queue === name || queue === `${name}.dead` || queue.startsWith(`${name}.retry.`));
}

function isDirect(queue: string): boolean {
  return queue.startsWith('amq.rabbitmq.reply-to.');
}
