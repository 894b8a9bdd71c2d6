// Notices a message that a process handles again while its handler for the same message still runs.

import type { Received } from './message.ts';

export class Overlaps {
  /** Bodies of the messages that were handled twice at the same time. */
  readonly bodies: string[] = [];
  /** Ids of the messages in handlers that mq has not published again, by process. */
  readonly #running = new WeakMap<object, Set<string>>();

  /** Records that a handler has begun. */
  begin(process: object, received: Received): void {
    const { messageId } = received.properties;
    if (messageId === undefined || isPublishedAgain(received)) return;
    const running = this.#running.get(process) ?? new Set();
    this.#running.set(process, running);
    if (running.has(messageId) && isRedelivered(received)) this.bodies.push(received.text);
    running.add(messageId);
  }

  /** Records that a handler has ended. */
  end(process: object, received: Received): void {
    const { messageId } = received.properties;
    if (messageId !== undefined && !isPublishedAgain(received)) this.#running.get(process)?.delete(messageId);
  }
}

function isRedelivered({ attempt, fields }: Received): boolean {
  return fields.redelivered && attempt === 1;
}

/** Returns true for a copy that mq has published for the next attempt. The original can still be in its queue. */
function isPublishedAgain({ headers }: Received): boolean {
  return Object.keys(headers).some((name) => name.startsWith('x-mq-'));
}
