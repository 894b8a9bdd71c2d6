// Tests how the results of the runs of a file under chaos are combined.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChaosResult } from '../../../../src/harness/chaos/result.ts';
import type { FileResult } from '../../../../src/harness/file-run.ts';
import type { TestResult } from '../../../../src/harness/verdict.ts';

const running = new AbortController().signal;
const plan = { seeds: [1, 2], commandOf: () => 'mq test' };
const passed: TestResult = { name: 'pays', outcome: 'pass', ms: 1 };

test('a test passes only if it has run with all seeds', () => {
  const result = new ChaosResult(resultOf([passed]), plan);
  result.add(resultOf([{ ...passed, faults: 1, chances: 2 }]), 1, new Map());
  const whole = result.whole({ signal: AbortSignal.abort() });
  assert.equal([whole.passed, whole.failures, whole.unreached], [0, [], undefined]);
  assert.equal(whole.skipped, [{ test: 'pays', reason: 'run with only 1 of 2 seeds: interrupted' }]);
  result.add(resultOf([passed]), 2, new Map());
  assert.is(result.whole({ signal: running }).passed, 1);
});

test('a test that never ran with faults is skipped after an interruption', () => {
  const whole = new ChaosResult(resultOf([passed]), plan).whole({ signal: AbortSignal.abort() });
  assert.equal(whole.skipped, [{ test: 'pays', reason: 'not run with chaos: interrupted' }]);
});

test('a test that did not run is not blamed on a fault', () => {
  const failure = { title: '"pays"', message: 'did not run', stack: [] };
  const unrun: TestResult = { ...passed, outcome: 'fail', failure, didNotRun: true };
  const result = new ChaosResult(resultOf([passed]), plan);
  result.add(resultOf([unrun]), 1, new Map());
  assert.equal(result.remaining, ['pays']);
  const whole = result.whole({ signal: running });
  assert.equal(whole.failures, []);
  assert.equal(whole.skipped, [{ test: 'pays', reason: 'not run with chaos: it did not run' }]);
});

test('a test that another seed can disturb is reachable', () => {
  const result = new ChaosResult(resultOf([passed]), plan);
  for (const seed of plan.seeds) result.add(resultOf([{ ...passed, faults: 0, chances: 2 }]), seed, new Map());
  assert.equal(result.whole({ signal: running }).unreached, [{ test: 'pays', isReachable: true }]);
});

function resultOf(tests: readonly TestResult[]): FileResult {
  const failures = tests.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const count = tests.filter(({ outcome }) => outcome === 'pass').length;
  return { file: '/a.test.ts', ms: 1, output: '', tests, passed: count, failures, skipped: [] };
}

test.run();
