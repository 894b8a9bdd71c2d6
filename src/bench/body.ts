// Writes the bodies of the benchmark's messages. A body begins with a word, the id of the run, the number of the producer,
// the number of the message and the intended time of sending, so that a receiver can find lost and doubled messages.

const word = Buffer.from('mq-bench');
const places = { run: 8, producer: 16, number: 20, intended: 24 } as const;
/** Length of the id of a run, in bytes. */
export const runIdBytes = places.producer - places.run;
/** Smallest size of a body, in bytes. */
export const smallestBody = 32;

export interface Mark {
  readonly producer: number;
  /** Number of the message of this producer, from 0. */
  readonly number: number;
  /** Time at which the message should be sent, on the monotonic clock of the process. */
  readonly intendedMs: number;
}

/** Returns a function that makes bodies of this size. */
export function bodyMaker(run: Buffer, bytes: number): (mark: Mark) => Buffer {
  const template = Buffer.alloc(Math.max(bytes, smallestBody), 'x');
  word.copy(template);
  run.copy(template, places.run);
  return ({ producer, number, intendedMs }) => {
    const body = Buffer.allocUnsafe(template.length);
    template.copy(body);
    body.writeUInt32BE(producer, places.producer);
    body.writeUInt32BE(number, places.number);
    body.writeDoubleBE(intendedMs, places.intended);
    return body;
  };
}

/** Returns the mark of a body, or `undefined` if this run has not made it. */
export function markOf(run: Buffer, body: Buffer): Mark | undefined {
  if (body.length < smallestBody || body.compare(word, 0, word.length, 0, word.length) !== 0) return undefined;
  if (body.compare(run, 0, run.length, places.run, places.producer) !== 0) return undefined;
  return {
    producer: body.readUInt32BE(places.producer),
    number: body.readUInt32BE(places.number),
    intendedMs: body.readDoubleBE(places.intended),
  };
}
