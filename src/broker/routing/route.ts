// Routes a message from an exchange to queues. It follows bindings between exchanges, alternate exchanges, and the additional
// routing keys in the headers CC and BCC.

import { Arguments } from '../codec/arguments.ts';
import type { Message } from '../queue/message.ts';
import { Queue } from '../queue/queue.ts';
import type { Binding, Exchange } from './exchange.ts';
import { Steps } from './steps.ts';

/** The part of a virtual host that routing needs. */
interface NameSpace {
  readonly exchanges: ReadonlyMap<string, Exchange>;
  readonly queues: ReadonlyMap<string, Queue>;
}

/** Returns the queues for a message, each once. Throws 406 if routing is too expensive. */
export function route(vhost: NameSpace, exchange: Exchange, message: Message): readonly Queue[] {
  const steps = new Steps();
  if (message.moreKeys === undefined) {
    const destinations = match(vhost, exchange, message, message.routingKey, steps);
    if (destinations.length > 0 && destinations.every(isLiveQueue)) return destinations;
    if (destinations.length === 0 && exchange.alternate === undefined) return [];
  }
  return routeThrough(vhost, exchange, message, steps);
}

/** One exchange on the route of a message. */
export interface Visit {
  readonly exchange: Exchange;
  /** The bindings that match. The default exchange has one for the queue of this name. */
  readonly bindings: readonly Binding[];
  /** The name of the alternate exchange, if the message is passed on to it because no binding matches. */
  readonly alternate: string | undefined;
}

/** Returns the queues like `route`. Calls `onVisit` for each exchange on the route, each once. */
export function tracedRoute(
  vhost: NameSpace,
  exchange: Exchange,
  message: Message,
  onVisit: (visit: Visit) => void,
): readonly Queue[] {
  return routeThrough(vhost, exchange, message, new Steps(), onVisit);
}

function routeThrough(
  vhost: NameSpace,
  start: Exchange,
  message: Message,
  steps: Steps,
  onVisit?: (visit: Visit) => void,
): readonly Queue[] {
  const keys = [message.routingKey, ...(message.moreKeys ?? [])];
  const queues = new Set<Queue>();
  // The loop below also visits the exchanges that it adds to this set. The set contains each exchange once, because bindings
  // may form a cycle.
  const exchanges = new Set([start]);
  for (const exchange of exchanges) {
    let isMatched = false;
    const keysHere = exchange.matchesEachKey ? keys : [message.routingKey];
    for (const key of keysHere) {
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
    onVisit?.({
      exchange,
      bindings: [...new Set([...new Set(keysHere)].flatMap((key) => bindingsOf(vhost, exchange, message, key)))],
      alternate: isMatched ? undefined : exchange.alternate,
    });
  }
  return [...queues];
}

/** Returns the destinations of one exchange. AMQP 0-9-1, 3.1.3.1: the default exchange routes by queue name. */
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

/** Returns the bindings by which `match` finds its destinations. */
function bindingsOf({ queues }: NameSpace, exchange: Exchange, message: Message, key: string): Binding[] {
  if (exchange.name !== '') return [...exchange.matchingBindings(key, message, new Steps())];
  const destination = queues.get(key);
  return destination === undefined
    ? []
    : [{ source: exchange, destination, routingKey: key, arguments: Arguments.none }];
}

/** Returns true for a queue that still exists. The bindings of a deleted queue remain until slices have removed them. */
function isLiveQueue(destination: Queue | Exchange): destination is Queue {
  return destination instanceof Queue && !destination.isDeleted;
}
