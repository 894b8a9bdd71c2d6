// Answers requests: one confirmed message to whom the request names in reply_to.

import type { Say } from '../context.ts';
import type { Message, Reply } from '../handlers/handler.ts';
import { traceOf } from '../handlers/trace.ts';
import type { Publisher } from '../session/publisher.ts';
import { headerNames } from './message.ts';

export interface RepliesParts {
  /** Absent where nothing is answered. */
  readonly publisher: Publisher | undefined;
  readonly nextId: () => string;
  /** Tells whether a reply may go to a queue. */
  readonly mayReplyTo: (queue: string) => boolean;
  readonly say: Say;
}

export class Replies {
  readonly #parts: RepliesParts;
  #isMute = false;

  constructor(parts: RepliesParts) {
    this.#parts = parts;
  }

  /**
   * A request without reply_to is done without one. A requester that has gone is no failure of the server. Gives why the
   * reply can never be sent: the request names no address or one that is not permitted, or the reply is too large.
   * @throws {MqError} if the reply is not confirmed.
   */
  async send({ properties, headers }: Message, reply: Reply | undefined): Promise<string | undefined> {
    const { replyTo, correlationId } = properties;
    const { publisher, nextId, mayReplyTo, say } = this.#parts;
    if (replyTo === undefined || !publisher) {
      const message = 'a request without reply_to was handled without a reply';
      if (!this.#isMute) say({ level: 'warn', event: 'no-reply-to', message });
      this.#isMute = true;
      return undefined;
    }
    if (!mayReplyTo(replyTo)) return 'replies to the queue that reply_to names are not permitted (--reply-to)';
    const { error } = reply ?? {};
    const more = { ...traceOf(headers), ...(error !== undefined && { [headerNames.error]: error }) };
    const sent = await publisher.publish({
      exchange: '',
      routingKey: replyTo,
      body: reply?.body ?? Buffer.alloc(0),
      mandatory: false, // RabbitMQ: direct reply-to counts a mandatory reply as unroutable
      properties: {
        messageId: nextId(),
        ...(correlationId !== undefined && { correlationId }),
        ...(reply?.contentType && { contentType: reply.contentType }),
        ...(error !== undefined && { type: 'error' }),
        ...(Object.keys(more).length > 0 && { headers: more }),
      },
    });
    if (sent.type === 'confirmed') return undefined;
    if (sent.type === 'refused' && sent.error.code === 'BAD_DATA') return sent.error.message;
    throw sent.error;
  }
}
