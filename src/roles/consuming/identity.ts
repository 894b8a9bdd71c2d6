// Recognises a message that the broker delivers again.

import { createHash } from 'node:crypto';
import { serialize } from 'node:v8';
import type { Message } from '../../handlers/handler.ts';

/** Headers that RabbitMQ changes with each delivery. */
const counters: readonly string[] = ['x-delivery-count', 'x-acquired-count'];

/** Returns a digest of everything that does not change when the broker delivers a message again. */
export function identityOf({ body, properties, headers, fields }: Message): string {
  const kept = Object.entries(headers).filter(([name]) => !counters.includes(name));
  const { exchange, routingKey, queue } = fields;
  return createHash('sha1')
    .update(serialize([exchange, routingKey, queue, properties, kept]))
    .update(body)
    .digest('base64');
}
