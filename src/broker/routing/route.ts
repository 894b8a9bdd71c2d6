// Routes a message from an exchange to queues, through bindings between exchanges, alternate exchanges, and the routing keys
// from the headers CC and BCC.

import type { Message } from '../queue/message.ts';
import { Queue } from '../queue/queue.ts';
import type { Exchange } from './exchange.ts';
import { Steps } from './steps.ts';

/** The part of a virtual host that routing needs. */
interface NameSpace {
  readonly exchanges: ReadonlyMap<string, Exchange>;
  readonly queues: ReadonlyMap<string, Queue>;
}

/** Returns each queue once. Throws 406 if routing is too expensive. */
export function route(vhost: NameSpace, exchange: Exchange, message: Message): readonly Queue[] {
  const steps = new Steps();
  if (message.moreKeys === undefined) {
    const destinations = match(vhost, exchange, message, message.routingKey, steps);
    if (destinations.length > 0 && destinations.every(isLiveQueue)) return destinations;
    if (destinations.length === 0 && exchange.alternate === undefined) return [];
  }
  return routeThrough(vhost, exchange, message, steps);
}

function routeThrough(vhost: NameSpace, start: Exchange, message: Message, steps: Steps): readonly Queue[] {
  const keys = [message.routingKey, ...(message.moreKeys ?? [])];
  const queues = new Set<Queue>();
  // The loop below also visits the exchanges that it adds to this set, each once, because bindings may form a circle.
  const exchanges = new Set([start]);
  for (const exchange of exchanges) {
    let isMatched = false;
    for (const key of exchange.matchesEachKey ? keys : [message.routingKey]) {
      const destinations = match(vhost, exchange, message, key, steps);
      steps.add(1 + destinations.length);
      for (const destination of destinations) {
        if (destination.isDeleted) continue;
        isMatched = true;
        if (destination instanceof Queue) queues.add(destination);
        else exchanges.add(destination);
      }
    }
    const alternate = exchange.alternate === undefined ? undefined : vhost.exchanges.get(exchange.alternate);
    if (!isMatched && alternate !== undefined) exchanges.add(alternate);
  }
  return [...queues];
}

/** AMQP 0-9-1, 3.1.3.1: every queue is bound to the default exchange by its name. */
function match(
  { queues }: NameSpace,
  exchange: Exchange,
  message: Message,
  key: string,
  steps: Steps,
): readonly (Queue | Exchange)[] {
  if (exchange.name !== '') return exchange.match(key, message, steps);
  const queue = queues.get(key);
  return queue === undefined ? [] : [queue];
}

/** Returns false for a deleted queue, whose bindings are removed slice by slice. */
function isLiveQueue(destination: Queue | Exchange): destination is Queue {
  return destination instanceof Queue && !destination.isDeleted;
}
