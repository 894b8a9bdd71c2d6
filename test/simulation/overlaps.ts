// Notices a message that a process handles again while its handler for the same message still runs.

import type { Received } from './message.ts';

export class Overlaps {
  /** Bodies of the messages that were handled twice at the same time. */
  readonly bodies: string[] = [];
  /** Message ids of the running handlers, by process. */
  readonly #running = new WeakMap<object, Set<string>>();

  /** Records that a handler has begun. */
  begin(process: object, received: Received): void {
    const { messageId } = received.properties;
    if (messageId === undefined) return;
    const running = this.#running.get(process) ?? new Set();
    this.#running.set(process, running);
    if (running.has(messageId) && isRedelivered(received)) this.bodies.push(received.text);
    running.add(messageId);
  }

  /** Records that a handler has ended. */
  end(process: object, { properties: { messageId } }: Received): void {
    if (messageId !== undefined) this.#running.get(process)?.delete(messageId);
  }
}

/** Returns true for a message that the broker has delivered again, and that mq has not published again. */
function isRedelivered({ attempt, fields, headers }: Received): boolean {
  return fields.redelivered && attempt === 1 && !Object.keys(headers).some((name) => name.startsWith('x-mq-'));
}
