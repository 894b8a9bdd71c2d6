// How a test says at run time that it cannot run here.

const brand = Symbol.for('mq.skip');

/** Thrown by `skip`; the runner counts the test as skipped. */
export class Skip extends Error {
  readonly [brand] = true;
}

/** Also for one that a test file has from sources of its own. */
export function isSkip(thrown: unknown): thrown is Skip {
  return thrown instanceof Error && brand in thrown;
}

/** Ends the running test (or, in a `before` hook, its whole suite) as skipped, for the reason given. */
export function skip(reason: string): never {
  throw new Skip(reason);
}
