// Builds the errors of messages that cannot be sent, that the broker refuses, or that it cannot route.

import { MqError } from '../../errors.ts';
import { bytesOfText } from '../byte-text.ts';
import type { WritableMessage } from '../outgoing-message.ts';
import type { RawMessage } from '../raw-message.ts';

/** AMQP 0-9-1, 4.2.5.3: a short string holds at most 255 octets. */
const longestShortText = 255;

export function unsendable({
  routingKey,
  exchange,
}: Pick<WritableMessage, 'routingKey' | 'exchange'>): MqError | undefined {
  if (isTooLong(routingKey)) {
    const bytes = bytesOfText(routingKey).length;
    return new MqError('BAD_DATA', `the routing key has ${bytes} bytes; AMQP allows ${longestShortText}`);
  }
  if (isTooLong(exchange)) return new MqError('BAD_DATA', `the name of the exchange is over ${longestShortText} bytes`);
  return undefined;
}

function isTooLong(text: string): boolean {
  // A UTF-16 code unit has at most three bytes in UTF-8.
  return text.length * 3 > longestShortText && bytesOfText(text).length > longestShortText;
}

export function unencodable(error: unknown): MqError {
  const why = error instanceof Error ? error.message : String(error);
  return new MqError('BAD_DATA', `the message cannot be sent: ${why}`, { cause: error });
}

export function unroutable({ fields: { exchange, routingKey, replyText = 'NO_ROUTE' } }: RawMessage): MqError {
  const where =
    exchange === ''
      ? `no queue '${routingKey}' exists`
      : `the exchange '${exchange}' has no queue for ${routingKey === '' ? 'the message' : `the key '${routingKey}'`}`;
  return new MqError('UNROUTABLE', `not delivered: ${where} (${replyText})`, {
    hint: 'start the receiver first, or bind a queue',
  });
}

export function nacked(message: WritableMessage): MqError {
  return new MqError('REFUSED', `the broker refused a message to ${targetOf(message)} (nack)`, {
    hint: 'the queue may be full or have no quorum; try again',
  });
}

/** Returns the error of a message that made the broker close the connection each time. */
export function crashing(message: WritableMessage): MqError {
  const text = `the broker closed the connection twice with an internal error (541) at a message to ${targetOf(message)}`;
  return new MqError('IN_DOUBT', text, {
    hint: 'its log shows the reason; a stream, for example, accepts no decimal in a header',
  });
}

function targetOf({ exchange, routingKey }: WritableMessage): string {
  return exchange === '' ? `the queue '${routingKey}'` : `the exchange '${exchange}'`;
}
