// How many messages wait in queues, as AMQP itself tells it: by a declaration that creates nothing.

import type { Link } from './link.ts';

export interface Depth {
  readonly ready: number;
  readonly consumers: number;
}

/** By the broker's names of queues; one that is not there is missing. Rejects when the link closes. */
export async function depthsOf(link: Link, vhost: string, queues: readonly string[]): Promise<Map<string, Depth>> {
  const depths = new Map<string, Depth>();
  let asked: Asked | undefined;
  for (const queue of queues) {
    // AMQP 0-9-1, 1.7.2.1: the answer "not found" closes the channel.
    asked ??= await open(link, vhost);
    const depth = await asked.depth(queue);
    if (depth) depths.set(queue, depth);
    else asked = undefined;
  }
  asked?.close();
  return depths;
}

interface Asked {
  /** Undefined: there is no such queue, and the channel is closed. */
  depth(queue: string): Promise<Depth | undefined>;
  close(): void;
}

async function open(link: Link, vhost: string): Promise<Asked> {
  const channel = await link.channel(vhost);
  const closed = new Promise<undefined>((resolve) => {
    channel.on('error', () => resolve(undefined));
    channel.on('close', () => resolve(undefined));
  });
  const answer = (queue: string) =>
    new Promise<Depth | undefined>((resolve) => {
      channel.checkQueue(queue, (error, ok) =>
        resolve(error ? undefined : { ready: ok.messageCount, consumers: ok.consumerCount }),
      );
    });
  return {
    depth: (queue) => Promise.race([answer(queue), closed]),
    close: () => channel.close(() => undefined),
  };
}
