// Lets a test skip itself at run time.

const brand = Symbol.for('mq.skip');

/** Thrown by `skip`. The runner counts the test as skipped. */
export class Skip extends Error {
  readonly [brand] = true;
}

/** Returns `true` for a Skip, also if another copy of this module created it. */
export function isSkip(thrown: unknown): thrown is Skip {
  return thrown instanceof Error && brand in thrown;
}

/** Skips the running test, or its whole suite in a `before` hook, for the given reason. */
export function skip(reason: string): never {
  throw new Skip(reason);
}
