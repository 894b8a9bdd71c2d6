// The handler of consumers in the simulation whose handler is a module. The body contains how it ends each attempt; the ledger
// of the running simulation records it.

import { type Received, replyTo, type Way, wayOf } from './message.ts';

interface Ledger {
  begin(received: Received): void;
  /** Returns false if the process has been killed, so that the handler has no effect. */
  record(received: Received, way: string): boolean;
}

const ledgers = globalThis as { [key: symbol]: Ledger | undefined };

export default async (message: Received): Promise<unknown> => {
  const { way, ms } = wayOf(message);
  ledgers[Symbol.for('mq simulation')]?.begin(message);
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  ledgers[Symbol.for('mq simulation')]?.record(message, way);
  return outcomeOf(message, way);
};

/** Handles a batch. An error or a pause without end concerns the whole batch. */
export const batch = async (messages: readonly Received[]): Promise<unknown> => {
  const ways = messages.map((message) => wayOf(message));
  const ms = Math.max(...ways.map((one) => one.ms));
  for (const message of messages) ledgers[Symbol.for('mq simulation')]?.begin(message);
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  const rude = ways.find(({ way }) => way === 'throws' || way === 'hangs' || /^[\dSg]/.test(way))?.way;
  for (const [index, message] of messages.entries())
    ledgers[Symbol.for('mq simulation')]?.record(message, rude ?? ways[index]?.way ?? 'ack');
  const outcomes = messages.map((message, index) => outcomeOf(message, rude ?? ways[index]?.way ?? 'ack'));
  return rude === 'hangs' ? outcomes[0] : outcomes;
};

function outcomeOf({ text }: Received, way: Way): unknown {
  switch (way) {
    case 'ack':
      // mq ignores the reply of a role that does not reply.
      return { type: 'ack', reply: replyTo(text) };
    case 'hangs':
      return new Promise(() => undefined);
    case 'requeue':
      return { type: 'nack', requeue: true };
    case 'retry':
    case 'dead-letter':
    case 'reject':
    case 'nack':
      return { type: way, reason: 'as planned' };
    default:
      throw new Error('it failed');
  }
}
