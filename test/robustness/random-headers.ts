// Returns random header tables with extreme values of every type that RabbitMQ supports, as encoded bytes.

import type { Random } from '../support/random.ts';
import { entry, longstr } from '../support/raw-message.ts';

/** Unusual names, such as names of members of JavaScript objects. */
const names = ['__proto__', 'constructor', 'toString', '', ' ', 'x-delay', 'x-mq-attempt', 'x-death-count', 'é', '\0'];

/** Types with a fixed length → the length in bytes (AMQP 0-9-1, 4.2.1, with RabbitMQ's errata). */
const fixed: Readonly<Record<string, number>> = {
  ...{ t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, l: 8, T: 8, f: 4, d: 8, D: 5, V: 0 },
};
const types = [...Object.keys(fixed), 'S', 'x', 'A', 'F'];

interface Shape {
  /** `true` for values in the forms that RabbitMQ itself writes: finite numbers, and 0 or 1 for a boolean. */
  readonly isPlain?: boolean;
}

/** Returns encoded fields of a table. Each field has a different name. */
export function randomHeaders(random: Random, shape: Shape = {}): Buffer[] {
  const count = random.below(20);
  return Array.from({ length: count }, (_, number) => {
    const name = random.chance(0.3) ? random.pick(names) : random.bytes(random.below(random.chance(0.1) ? 250 : 20));
    const unique = Buffer.concat([Buffer.from(name as string), Buffer.from(`${number}`)]);
    return fieldOf({ random, shape, depth: 0 }, unique);
  });
}

interface Level {
  readonly random: Random;
  readonly shape: Shape;
  readonly depth: number;
}

function fieldOf(level: Level, name: string | Buffer): Buffer {
  const type = level.random.pick(level.depth < 10 ? types : Object.keys(fixed));
  return entry(name, type, fieldValue(level, type));
}

function fieldValue(level: Level, type: string): Buffer {
  const { random, shape } = level;
  const length = fixed[type];
  if (length !== undefined) return shape.isPlain ? plain(type, number(random, length)) : number(random, length);
  const deeper = { ...level, depth: level.depth + 1 };
  const items = () => Array.from({ length: random.below(4) });
  switch (type) {
    case 'A':
      // An item of an array is a field without a name.
      return longstr(Buffer.concat(items().map(() => fieldOf(deeper, '').subarray(1))));
    case 'F':
      return longstr(Buffer.concat(items().map((_, number) => fieldOf(deeper, `${number}`))));
    default:
      return longstr(random.bytes(random.below(random.chance(0.1) ? 5000 : 30)));
  }
}

/** Returns an extreme number of this length in bytes, a number next to one, or a random number. */
function number(random: Random, length: number): Buffer {
  const bytes = random.chance(0.5) ? random.bytes(length) : Buffer.alloc(length, random.pick([0x00, 0xff]));
  if (length > 0 && random.chance(0.3)) bytes[0] = random.pick([0x7f, 0x80]);
  if (length > 0 && random.chance(0.3)) bytes[length - 1] = random.pick([0x00, 0x01, 0xfe]);
  return bytes;
}

/** Changes booleans over 1, and floating-point numbers that are not finite. */
function plain(type: string, bytes: Buffer): Buffer {
  const [first = 0] = bytes;
  if (type === 't') return Buffer.from([first & 1]);
  // Without the highest bit of the exponent, the number is finite.
  if (type === 'f' || type === 'd') bytes[0] = first & 0xbf;
  return bytes;
}
