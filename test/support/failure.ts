// Catches the error of a call that must fail.

import { MqError } from '../../src/errors.ts';

/** Returns the MqError that `work` throws. Throws any other error, and an Error if `work` succeeds. */
export function failure(work: () => unknown): MqError {
  try {
    work();
  } catch (error) {
    if (error instanceof MqError) return error;
    throw error;
  }
  throw new Error('the call did not fail');
}
