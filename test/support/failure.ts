// Catches the error of a call that must fail.

import { MqError } from '../../src/errors.ts';

/** Returns the MqError of `work`. Throws another error of it, and an Error if it succeeds. */
export function failure(work: () => unknown): MqError {
  try {
    work();
  } catch (error) {
    if (error instanceof MqError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
