// Encodes where a delayed message goes in the end as one word of a routing key, because the routing key is the only part of
// a message that the broker keeps and reads on the way through the levels.

import { MqError } from '../errors.ts';

/** The exchange and routing key with which a delayed message is published when it is due. */
export interface DelayDestination {
  /** The broker's name. '' is the default exchange, and the routing key is then the name of a queue. */
  readonly exchange: string;
  readonly routingKey: string;
}

/**
 * Returns the destination as one word of a topic: `task_queue` for a queue, `orders/order%2Epaid` for an exchange with a
 * key. No two destinations have the same word.
 */
export function destinationWord({ exchange, routingKey }: DelayDestination): string {
  return exchange === '' ? encoded(routingKey) : `${encoded(exchange)}/${encoded(routingKey)}`;
}

/** Returns the destination of a word, or `undefined` if the word is not one of `destinationWord`. */
export function destinationOfWord(word: string): DelayDestination | undefined {
  const [first, second, ...others] = word.split('/').map(decoded);
  if (first === undefined || others.length > 0) return undefined;
  if (second === undefined) return word.includes('/') ? undefined : { exchange: '', routingKey: first };
  return { exchange: first, routingKey: second };
}

/** Returns the word as a part of a queue's name, which may contain dots. */
export function readableWord(word: string): string {
  return word.replaceAll('%2E', '.');
}

/** Escapes what separates words or is a wildcard of a topic exchange, and what is not plain ASCII. */
function encoded(text: string): string {
  if (!text.isWellFormed()) {
    throw new MqError('BAD_DATA', 'a message to a name that is not UTF-8 cannot be delayed');
  }
  return encodeURIComponent(text).replace(/[.*!'()~]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
