// Compares the arguments of a binding with the headers of a message, for headers exchanges.

import type { Arguments } from '../codec/arguments.ts';
import { Decimal, type FieldValue, shownValue, Timestamp } from '../codec/table.ts';
import { ProtocolError } from '../protocol-error.ts';
import { Steps } from './steps.ts';

/** Returns true if a message with these headers matches the binding. `steps` counts the fields that are compared. */
export type HeadersMatcher = (headers: Arguments, steps?: Steps) => boolean;

const modes = ['all', 'any', 'all-with-x', 'any-with-x'];

/** Returns a matcher for the arguments of a binding. Throws 406 if x-match is not one of the four modes. */
export function headersMatcher(binding: Arguments): HeadersMatcher {
  const mode = binding.get('x-match') ?? 'all';
  if (typeof mode !== 'string') {
    throw new ProtocolError(
      'PRECONDITION_FAILED',
      `Invalid x-match field type ${binding.typeName('x-match')} (value ${shownValue(mode)}); expected longstr`,
    );
  }
  if (!modes.includes(mode)) {
    throw new ProtocolError(
      'PRECONDITION_FAILED',
      `Invalid x-match field value <<${JSON.stringify(mode)}>>; expected all, any, all-with-x, or any-with-x`,
    );
  }
  const keys = Object.keys(binding.values).filter((key) =>
    mode.endsWith('-with-x') ? key !== 'x-match' : !key.startsWith('x-'),
  );
  const matches = (key: string, headers: Arguments, steps: Steps) => {
    steps.add(1);
    const [wanted, actual] = [binding.get(key), headers.get(key)];
    if (actual === undefined) return false;
    // AMQP 0-9-1, 3.1.3.4: an argument without a value matches if the header exists.
    if (wanted === null || wanted === undefined) return true;
    // RabbitMQ: the integer 1 and the float 1.0 are different. The width of a number does not matter.
    return isSame(wanted, actual) && isFloat(binding, key) === isFloat(headers, key);
  };
  return mode.startsWith('any')
    ? (headers, steps = new Steps()) => keys.some((key) => matches(key, headers, steps))
    : (headers, steps = new Steps()) => keys.every((key) => matches(key, headers, steps));
}

function isFloat({ types }: Arguments, key: string): boolean {
  return types[key] === 'd' || types[key] === 'f';
}

/** Returns true if the values are equal. Like RabbitMQ, it ignores wire types: a short 1 is equal to a long 1. */
export function isSame(a: FieldValue, b: FieldValue): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Buffer.isBuffer(a) || Buffer.isBuffer(b)) return Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b);
  if (a instanceof Timestamp) return b instanceof Timestamp && a.seconds === b.seconds;
  if (a instanceof Decimal) return b instanceof Decimal && a.places === b.places && a.digits === b.digits;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    left.length === right.length &&
    left.every(([key, value], index) => key === right[index]?.[0] && isSame(value, right[index][1]))
  );
}
