// How a test says at run time that it cannot run here.

/** Thrown by `skip`; the runner counts the test as skipped. */
export class Skip extends Error {}

/** Ends the running test (or, in a `before` hook, its whole suite) as skipped, for the reason given. */
export function skip(reason: string): never {
  throw new Skip(reason);
}
