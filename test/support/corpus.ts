// Returns random messages with properties and headers of every AMQP type, as encoded bytes.

import { randomHeaders } from '../robustness/random-headers.ts';
import type { Random } from './random.ts';
import { long, longstr, shortstr, uint } from './raw-message.ts';

export interface CorpusMessage {
  /** Flags and properties (AMQP 0-9-1, 4.2.6.1). */
  readonly properties: Buffer;
  readonly body: Buffer;
}

/** Properties in the order of their flags. */
const kinds = 'text text table mode priority text reply expiration id time text user text text'.split(' ');
const texts = ['', 'a', 'text/plain', 'é', '{"!":"int"}', '\0', '"\\\n', '\u2028', '😀'];

/** Returns a message. If `isPlain`, its values are in the forms that RabbitMQ itself writes. */
export function randomMessage(random: Random, { isPlain }: { readonly isPlain: boolean }): CorpusMessage {
  let flags = 0;
  const parts = kinds.flatMap((kind, index) => {
    if (kind === 'user' || !random.chance(0.5)) return [];
    flags |= 0x8000 >> index;
    return [propertyOf(random, kind, isPlain)];
  });
  return { properties: Buffer.concat([uint(flags, 2), ...parts]), body: bodyOf(random) };
}

function propertyOf(random: Random, kind: string, isPlain: boolean): Buffer {
  switch (kind) {
    case 'table':
      return longstr(Buffer.concat(randomHeaders(random, { isPlain })));
    case 'mode':
      return uint(random.pick([1, 2]), 1);
    case 'priority':
      return uint(random.below(256), 1);
    case 'expiration':
      return shortstr(Buffer.from(String(3_600_000 + random.below(1000))));
    // The embedded broker refuses a reply-to that is not UTF-8.
    case 'reply':
      return shortstr(isPlain ? Buffer.from(random.pick(texts)) : textOf(random));
    // Equal ids are few, because messages with the same id are sent one after the other.
    case 'id':
      return shortstr(random.chance(0.9) ? random.bytes(16) : textOf(random));
    case 'time':
      return random.chance(0.5) ? random.bytes(8) : long(1_700_000_000);
    default:
      return shortstr(textOf(random));
  }
}

function textOf(random: Random): Buffer {
  return random.chance(0.5)
    ? Buffer.from(random.pick(texts))
    : random.bytes(random.below(random.chance(0.1) ? 255 : 20));
}

function bodyOf(random: Random): Buffer {
  if (random.chance(0.4)) return Buffer.from(`${random.pick(texts)}${random.below(1000)}`);
  return random.bytes(random.below(random.chance(0.02) ? 200_000 : 300));
}
