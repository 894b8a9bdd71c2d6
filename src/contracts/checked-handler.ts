// Checks the body of each message before its handler receives it.

import type { Handler, HandlerContext, Message, Outcome } from '../handlers/handler.ts';
import type { SubscriptionContract } from './contracts.ts';

/** Returns a handler whose messages match the schema. Other messages get the outcome that the contract names. */
export function checkedHandler(handler: Handler, contract: SubscriptionContract): Handler {
  const { bodyFault, turn, onInvalid } = contract;
  const handle = (message: Message, context: HandlerContext): Outcome | Promise<Outcome> => {
    if (turn.isOver) return turn.next().then(() => handle(message, context));
    const fault = bodyFault(message.body);
    return fault === undefined ? handler.handle(message, context) : invalidOutcome(`schema: ${fault}`, onInvalid);
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
