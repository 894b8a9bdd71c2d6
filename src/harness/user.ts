// What `mq/test` is: the module that a user's test file imports. uvu's suites and assertions, and the fixtures of the run.

import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import { broker, clock, cluster, expectMessage, listen, publish, request, role } from './fixtures.ts';
import { skip } from './skip.ts';
import { recorders } from './uvu.ts';

const { test, suite } = recorders({ runsByItself: true });

/** The exports of `mq/test`. */
export const userModule = {
  test,
  suite,
  assert,
  skip,
  eventually,
  broker,
  publish,
  expectMessage,
  listen,
  request,
  role,
  clock,
  cluster,
};
