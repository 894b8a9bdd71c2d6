// Parses and formats the STOMP destinations that the page uses, in RabbitMQ's form.
// https://www.rabbitmq.com/docs/stomp#d

export type Destination =
  | { readonly to: 'exchange'; readonly exchange: string; readonly key: string }
  /** An existing queue. */
  | { readonly to: 'queue'; readonly queue: string }
  /** A temporary queue of the connection for replies. */
  | { readonly to: 'replies'; readonly name: string };

/** Parses a destination. Returns `undefined` if the bridge does not support it. */
export function parseDestination(text: string): Destination | undefined {
  const [empty, kind, first, ...rest] = text.split('/').map(unescaped);
  if (empty !== '' || first === undefined || first === '') return undefined;
  if (kind === 'exchange' && rest.length <= 1) return { to: 'exchange', exchange: first, key: rest[0] ?? '' };
  if (kind === 'temp-queue' && rest.length === 0) return { to: 'replies', name: first };
  if (kind === 'amq' && first === 'queue' && rest.length === 1 && rest[0]) return { to: 'queue', queue: rest[0] };
  return undefined;
}

/** Returns the destination that a message was published to. */
export function destinationOf({ exchange, routingKey }: { exchange: string; routingKey: string }): string {
  const key = escaped(routingKey);
  return exchange === '' ? `/queue/${key}` : `/exchange/${escaped(exchange)}/${key}`;
}

// RabbitMQ (rabbit_routing_parser.erl): %2F is a slash, and nothing else is escaped.
function escaped(part: string): string {
  return part.replaceAll('/', '%2F');
}

function unescaped(part: string): string {
  return part.replaceAll('%2F', '/');
}
