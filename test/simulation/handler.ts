// The handler of all consumers in the simulation. The body describes how it ends each attempt; the ledger of the running
// simulation records it.

interface Received {
  readonly text: string;
  readonly attempt: number;
  readonly fields: { readonly redelivered: boolean };
}

interface Ledger {
  /** Returns false if the process has been killed, so that the handler has no effect. */
  record(received: Received, way: string): boolean;
}

const ledgers = globalThis as { [key: symbol]: Ledger | undefined };

export default async (message: Received): Promise<unknown> => {
  const [, ways = 'ack', ms = '0'] = message.text.split(' ');
  const list = ways.split(',');
  const way = list[Math.min(message.attempt, list.length) - 1] ?? 'ack';
  if (Number(ms) > 0) await new Promise((resolve) => setTimeout(resolve, Number(ms)));
  ledgers[Symbol.for('mq simulation')]?.record(message, way);
  switch (way) {
    case 'ack':
      return undefined;
    case 'throws':
      throw new Error('it failed');
    case 'hangs':
      return new Promise(() => undefined);
    case 'requeue':
      return { type: 'nack', requeue: true };
    default:
      return { type: way, reason: 'as planned' };
  }
};
