// The way of a message from an exchange to queues: over bindings between exchanges, alternate exchanges and further keys.

import type { Message } from '../queue/message.ts';
import { Queue } from '../queue/queue.ts';
import type { Exchange } from './exchange.ts';
import { Steps } from './steps.ts';

export interface Places {
  readonly exchanges: ReadonlyMap<string, Exchange>;
  readonly queues: ReadonlyMap<string, Queue>;
}

/** Each queue once. */
export function route(places: Places, exchange: Exchange, message: Message): readonly Queue[] {
  const steps = new Steps();
  if (message.moreKeys === undefined) {
    const found = match(places, exchange, message, message.routingKey, steps);
    if (found.length > 0 && found.every(isLiveQueue)) return found;
    if (found.length === 0 && exchange.alternate === undefined) return [];
  }
  return routeFurther(places, exchange, message, steps);
}

function routeFurther(places: Places, start: Exchange, message: Message, steps: Steps): readonly Queue[] {
  const keys = [message.routingKey, ...(message.moreKeys ?? [])];
  const queues = new Set<Queue>();
  // A set gives what is added to it while it is walked over, and each exchange once: bindings may go in a circle.
  const exchanges = new Set([start]);
  for (const exchange of exchanges) {
    let isMatched = false;
    for (const key of exchange.matchesEachKey ? keys : [message.routingKey]) {
      const found = match(places, exchange, message, key, steps);
      steps.add(1 + found.length);
      for (const destination of found) {
        if (destination.isDeleted) continue;
        isMatched = true;
        if (destination instanceof Queue) queues.add(destination);
        else exchanges.add(destination);
      }
    }
    const alternate = exchange.alternate === undefined ? undefined : places.exchanges.get(exchange.alternate);
    if (!isMatched && alternate !== undefined) exchanges.add(alternate);
  }
  return [...queues];
}

/** AMQP 0-9-1, 3.1.3.1: to the default exchange every queue is bound by its name. */
function match(
  { queues }: Places,
  exchange: Exchange,
  message: Message,
  key: string,
  steps: Steps,
): readonly (Queue | Exchange)[] {
  if (exchange.name !== '') return exchange.match(key, message, steps);
  const queue = queues.get(key);
  return queue === undefined ? [] : [queue];
}

/** The bindings of a deleted queue are removed bit by bit. */
function isLiveQueue(destination: Queue | Exchange): destination is Queue {
  return destination instanceof Queue && !destination.isDeleted;
}
