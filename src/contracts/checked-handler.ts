// Checks the body of each message before its handler receives it.

import type { Handler, HandlerContext, Message, Outcome } from '../handlers/handler.ts';
import type { SubscriptionContract } from './contracts.ts';

/**
 * Returns a handler whose messages match the schema. Other messages get the outcome that the contract names. With `replies`,
 * an answer refuses a request that is dead-lettered or dropped, so that the requester does not wait for its time limit.
 */
export function checkedHandler(handler: Handler, contract: SubscriptionContract, { replies = false } = {}): Handler {
  const { bodyFault, turn, onInvalid } = contract;
  const isFinal = onInvalid === 'dead-letter' || onInvalid === 'drop';
  const handle = (message: Message, context: HandlerContext): Outcome | Promise<Outcome> => {
    if (turn.isOver) return turn.next().then(() => handle(message, context));
    const fault = bodyFault(message.body);
    if (fault === undefined) return handler.handle(message, context);
    const reason = `schema: ${fault}`;
    const refusal = { body: Buffer.from(reason), contentType: 'text/plain', error: reason };
    return { ...invalidOutcome(reason, onInvalid), ...(replies && isFinal && { refusal }) };
  };
  return {
    prints: handler.prints,
    handle,
    ...(handler.expectMore && { expectMore: (mayArrive) => handler.expectMore?.(mayArrive) }),
    close: () => handler.close(),
  };
}

function invalidOutcome(reason: string, policy: SubscriptionContract['onInvalid']): Outcome {
  if (policy === 'dead-letter' || policy === 'requeue') return { type: policy, reason };
  return { type: 'retry', reason, policy };
}
