// The module `mq/test` that a user's test file imports: uvu's suites and assertions, and the fixtures. mq's own suites
// import this file directly.

import * as assert from 'uvu/assert';
import { recorders } from './uvu.ts';

export {
  broker,
  clock,
  cluster,
  deadLetter,
  eventually,
  expectMessage,
  faults,
  listen,
  publish,
  replay,
  request,
  role,
} from '../fixtures.ts';
export { skip } from './skip.ts';
export { assert };

export const { test, suite } = recorders({ runsByItself: true });
export type { ReceivedMessage } from '../target.ts';
