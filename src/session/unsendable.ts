// What no channel can send, and why.

import { MqError } from '../errors.ts';
import { bytesOfText } from './byte-text.ts';
import type { OutgoingMessage } from './publisher.ts';

export function unsendable({
  routingKey,
  exchange,
}: Pick<OutgoingMessage, 'routingKey' | 'exchange'>): MqError | undefined {
  // AMQP 0-9-1, 4.2.5.3: a short string holds at most 255 octets.
  const bytes = bytesOfText(routingKey).length;
  if (bytes > 255) return new MqError('BAD_DATA', `the routing key has ${bytes} bytes; AMQP allows 255`);
  if (bytesOfText(exchange).length > 255) return new MqError('BAD_DATA', 'the name of the exchange is over 255 bytes');
  return undefined;
}

export function unencodable(error: unknown): MqError {
  const why = error instanceof Error ? error.message : String(error);
  return new MqError('BAD_DATA', `the message cannot be sent: ${why}`, { cause: error });
}
