// Changes a message of a stream into the message that a client receives.

import { streamProperties } from '../codec/properties.ts';
import { Message } from '../queue/message.ts';
import type { StreamRecord } from '../store/stream-log.ts';

/** A body of at least this length, in bytes, is not copied. */
const ownPartLength = 4096;

/** Returns the message with the header x-stream-offset and without the properties that a stream does not keep. */
export function streamedMessage({ message, offset }: StreamRecord): Message {
  const { exchange, routingKey, content, more = [], propertiesLength } = message;
  const properties = streamProperties(content, propertiesLength, offset);
  const body = content.subarray(propertiesLength);
  const isLarge = body.length >= ownPartLength || more.length > 0;
  return new Message({
    exchange,
    routingKey,
    content: isLarge ? properties : Buffer.concat([properties, body]),
    more: isLarge ? [body, ...more] : [],
    propertiesLength: properties.length,
    // The values for a queue, which the message does not enter.
    persistent: false,
    priority: undefined,
    expirationMs: undefined,
  });
}
