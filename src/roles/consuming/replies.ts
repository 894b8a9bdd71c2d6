// Answers requests: sends one confirmed message to the reply_to address of each request.

import type { Say } from '../../context.ts';
import type { Message, Outcome, Reply } from '../../handlers/handler.ts';
import type { Publisher } from '../../session/publisher.ts';
import { traceOf } from '../../tracing.ts';
import { headerNames } from '../message.ts';

interface RepliesParts {
  /** Absent if the role sends no replies. */
  readonly publisher: Publisher | undefined;
  readonly nextId: () => string;
  /** Reports whether a reply may be sent to a queue. */
  readonly mayReplyTo: (queue: string) => boolean;
  readonly say: Say;
}

export class Replies {
  readonly #parts: RepliesParts;
  #hasWarned = false;

  constructor(parts: RepliesParts) {
    this.#parts = parts;
  }

  /**
   * Sends a reply. A request without reply_to needs none, and a requester that no longer exists is not an error.
   * Returns the failure of the request if the reply cannot be sent: `dead-letter` if its address is not permitted or the
   * reply is too large, and `retry` if the broker refuses it. Returns `undefined` otherwise.
   * @throws {MqError} if the reply is not confirmed for another reason.
   */
  async send({ properties, headers }: Message, reply: Reply | undefined): Promise<Outcome | undefined> {
    const { replyTo, correlationId } = properties;
    const { publisher, nextId, mayReplyTo, say } = this.#parts;
    if (replyTo === undefined || !publisher) {
      const message = 'a request without reply_to was handled without a reply';
      if (!this.#hasWarned) say({ level: 'warn', event: 'no-reply-to', message });
      this.#hasWarned = true;
      return undefined;
    }
    if (!mayReplyTo(replyTo))
      return failure('dead-letter', 'replies to the queue that reply_to names are not permitted (--reply-to)');
    const { error } = reply ?? {};
    const more = { ...traceOf(headers), ...(error !== undefined && { [headerNames.error]: error }) };
    const sent = await publisher.publish({
      operation: 'reply',
      exchange: '',
      routingKey: replyTo,
      body: reply?.body ?? Buffer.alloc(0),
      mandatory: false, // RabbitMQ: direct reply-to returns a mandatory reply as unroutable
      properties: {
        messageId: nextId(),
        ...(correlationId !== undefined && { correlationId }),
        ...(reply?.contentType && { contentType: reply.contentType }),
        ...(error !== undefined && { type: 'error' }),
        ...(Object.keys(more).length > 0 && { headers: more }),
      },
    });
    if (sent.type === 'confirmed') return undefined;
    if (sent.type === 'refused' && sent.error.code === 'BAD_DATA') return failure('dead-letter', sent.error.message);
    // The queue of one requester may be full. Other requests can be answered.
    if (sent.type === 'refused' && sent.error.code === 'REFUSED') return failure('retry', sent.error.message);
    throw sent.error;
  }
}

function failure(type: 'dead-letter' | 'retry', reason: string): Outcome {
  return { type, reason: `the reply cannot be sent: ${reason}` };
}
