// Refuses headers that a stream does not keep. RabbitMQ stores the messages of a stream as AMQP 1.0, which allows tables
// and arrays only as annotations (x-…). It drops the others without an error. A decimal closes the connection with 541
// (measured on 4.0.5 and 4.3.6).

import { containsDecimal } from '../../delay/decimal.ts';
import { MqError } from '../../errors.ts';
import { SeriesMessage, type WritableMessage } from '../outgoing-message.ts';
import type { StreamOf } from './stream-targets.ts';

/** Headers for the broker itself, and the history of dead-lettering, which no receiver of a stream expects. */
const ofBroker = ['CC', 'BCC', 'x-death'];

/** Returns the error for a message with such a header if it goes to a stream, and `undefined` for others. */
export function unkeptHeader(message: WritableMessage, stream: StreamOf): MqError | undefined {
  const { headers } = message instanceof SeriesMessage ? message.series.properties : message.properties;
  for (const [name, value] of Object.entries(headers ?? {})) {
    const kind = unkeptKind(name, value);
    if (kind === undefined) continue;
    const queue = stream(message.exchange, message.routingKey);
    if (queue === undefined) return undefined;
    return new MqError('BAD_DATA', `the header '${name}' is ${kind}, which the stream '${queue}' does not keep`, {
      hint: kind.endsWith('decimal')
        ? 'send the decimal as text'
        : 'send it as text, or name it x-…, because a stream keeps tables and arrays with such a name',
    });
  }
  return undefined;
}

function unkeptKind(name: string, value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return undefined;
  const type = '!' in value ? value['!'] : undefined;
  if (type === 'decimal') return 'a decimal';
  if (containsDecimal(value)) return `${Array.isArray(value) ? 'an array' : 'a table'} with a decimal`;
  if (type !== undefined || name.startsWith('x-') || ofBroker.includes(name)) return undefined;
  return Array.isArray(value) ? 'an array' : 'a table';
}
