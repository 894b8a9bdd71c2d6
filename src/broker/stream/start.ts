// The consumer argument x-stream-offset, which states where a consumer of a stream starts
// (https://www.rabbitmq.com/docs/streams#consuming).

import type { Arguments } from '../codec/arguments.ts';
import { Timestamp, typeNames } from '../codec/table.ts';
import { ProtocolError } from '../protocol-error.ts';
import { ageMs } from '../queue/arguments.ts';
import type { StreamLog } from '../store/stream-log.ts';

/** The position at which a consumer starts. It receives the first message that satisfies both conditions, and all after it. */
export interface Start {
  readonly offset: number;
  /** The earliest arrival, in milliseconds since 1970. */
  readonly time: number;
}

const name = 'x-stream-offset';
const integerTypes = 'bBsuIilL';

/** Returns the start of a consumer with these arguments. `now` is in milliseconds since 1970. Throws 406. */
export function startOf(all: Arguments, { what, log, now }: { what: string; log: StreamLog; now: number }): Start {
  const at = (offset: number) => ({ offset, time: -Infinity });
  const since = (time: number) => ({ offset: log.offsetBefore(time), time });
  const value = all.get(name);
  const type = all.types[name] ?? '';
  if (value === undefined) return at(log.nextOffset);
  if (value instanceof Timestamp) return since(Number(value.seconds) * 1000);
  if (integerTypes.includes(type)) return at(Math.max(Number(value), 0));
  const text = Buffer.isBuffer(value) ? value.toString('latin1') : value;
  switch (text) {
    case 'first':
      return at(log.firstOffset);
    // RabbitMQ: the last chunk. A chunk of this broker has one message.
    case 'last':
      return at(Math.max(log.endOffset - 1, log.firstOffset));
    case 'next':
      return at(log.nextOffset);
  }
  const age = typeof text === 'string' ? ageMs(text) : undefined;
  if (age !== undefined) return since(now - age);
  const shown = typeof text === 'string' ? `<<${text === '' ? '' : `"${text}"`}>>` : JSON.stringify(text);
  throw new ProtocolError(
    'PRECONDITION_FAILED',
    `invalid arg '${name}' for ${what}: {invalid_stream_offset_arg,{${typeNames[type] ?? type},${shown}}}`,
  );
}
