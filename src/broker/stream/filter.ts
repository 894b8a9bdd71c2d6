// The filter of a consumer of a stream: the consumer arguments x-stream-filter and x-stream-match-unfiltered, and the message
// header x-stream-filter-value (https://www.rabbitmq.com/docs/streams#filtering). RabbitMQ filters chunks by a Bloom filter. A
// chunk of this broker has one message, so that the filter is exact.

import type { Arguments } from '../codec/arguments.ts';
import { decodeHeaders } from '../codec/properties.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { StreamMessage } from '../store/stream-log.ts';

/** Returns true if the consumer receives the message. */
export type StreamFilter = (message: StreamMessage) => boolean;

/**
 * Returns the filter of a consumer, or `undefined` if it receives all messages. Throws 406 for a filter without a value, for
 * which RabbitMQ closes the connection with 541.
 */
export function filterOf(all: Arguments, what: string): StreamFilter | undefined {
  const filter = all.get('x-stream-filter');
  const given = Array.isArray(filter) ? filter : [filter];
  const values = new Set(given.filter((value) => typeof value === 'string'));
  if (values.size === 0) {
    if (!Array.isArray(filter)) return undefined;
    throw new ProtocolError('PRECONDITION_FAILED', `invalid arg 'x-stream-filter' for ${what}: no value`);
  }
  const matchesUnfiltered = all.get('x-stream-match-unfiltered') === true;
  return ({ content, propertiesLength }) => {
    const value = decodeHeaders(content, propertiesLength).get('x-stream-filter-value');
    return typeof value === 'string' ? values.has(value) : matchesUnfiltered;
  };
}
