// Tests the text of the TAP report, and that tap-parser reads it.

import { Parser } from 'tap-parser';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tap } from '../../../../src/harness/report/tap.ts';
import { interruptedRun, skippedRun, wholeRun, written } from '../report-run.ts';

const report = suite('tap');

report('has a point for each test and for each other failure', () => {
  assert.is(
    written(tap, wholeRun),
    `TAP version 13
# target: embedded
# no management API:
# the vhost of the address is used
ok 1 - orders.test.ts: adds
  ---
  duration_ms: 1.5
  ...
ok 2 - orders.test.ts: orders: accepts \\#1 <of> "2" & C:\\\\ # SKIP no cluster here
not ok 3 - sub/pay.test.ts: pays
  ---
  duration_ms: 7
  message: |
    Expected 100% to be
    
    equal:
  severity: fail
  details: |
    ++2    (Expected)
    --1    (Actual)
  stack: |
    at check (/repo/app/sub/check.ts:3:9)
    at Object.handler (/repo/app/sub/pay.test.ts:8:38)
  roles: |
    mq worker --exec ./pay.sh:
      no such customer
  ...
not ok 4 - sub/pay.test.ts: waits, for: ever
  ---
  duration_ms: 0
  message: "did not end: the process sent no event for 3000 ms and was killed"
  severity: fail
  ...
ok 5 - sub/pay.test.ts: later # SKIP test.skip
not ok 6 - sub/pay.test.ts: the suite without a name, after.each hook of "pays"
  ---
  duration_ms: 0
  message: "cannot tidy up"
  severity: fail
  ...
# output of sub/pay.test.ts:
# first words
# red ]]> & <b>
1..6
`,
  );
});

report('is read correctly by tap-parser', () => {
  const { events, final } = parse(written(tap, wholeRun));
  const points = events.flatMap(([name, point]) => (name === 'assert' ? [point as Point] : []));
  assert.equal(
    points.map(({ ok, id, name, skip }) => ({ ok, id, name, ...(skip && { skip }) })),
    [
      { ok: true, id: 1, name: 'orders.test.ts: adds' },
      { ok: true, id: 2, name: 'orders.test.ts: orders: accepts #1 <of> "2" & C:\\', skip: 'no cluster here' },
      { ok: false, id: 3, name: 'sub/pay.test.ts: pays' },
      { ok: false, id: 4, name: 'sub/pay.test.ts: waits, for: ever' },
      { ok: true, id: 5, name: 'sub/pay.test.ts: later', skip: 'test.skip' },
      { ok: false, id: 6, name: 'sub/pay.test.ts: the suite without a name, after.each hook of "pays"' },
    ],
  );
  assert.is(points[2]?.time, 7);
  assert.equal(points[2]?.diag, {
    message: 'Expected 100% to be\n\nequal:\n',
    severity: 'fail',
    details: '++2    (Expected)\n--1    (Actual)\n',
    stack: 'at check (/repo/app/sub/check.ts:3:9)\nat Object.handler (/repo/app/sub/pay.test.ts:8:38)\n',
    roles: 'mq worker --exec ./pay.sh:\n  no such customer\n',
  });
  assert.equal(numbersOf(final), { ok: false, count: 6, pass: 3, fail: 3, skip: 2, bailout: false, failures: [] });
  assert.equal(extrasOf(events), []);
});

report('fails a run in which every test was skipped', () => {
  const { final } = parse(written(tap, skippedRun));
  assert.equal(numbersOf(final), { ok: false, count: 2, pass: 1, fail: 1, skip: 1, bailout: false, failures: [] });
});

report('bails out of an interrupted run', () => {
  assert.is(parse(written(tap, interruptedRun)).final.bailout, 'interrupted by SIGINT');
});

report.run();

interface Point {
  readonly ok: boolean;
  readonly id: number;
  readonly name: string;
  readonly skip?: string | boolean;
  /** Duration of the test, which the parser removes from `diag`. */
  readonly time: number | null;
  readonly diag: unknown;
}

function parse(text: string) {
  const parser = new Parser({ strict: true });
  const events: [string, unknown][] = [];
  for (const name of ['assert', 'extra'] as const) parser.on(name, (value: unknown) => void events.push([name, value]));
  parser.end(text);
  if (parser.results === null) throw new Error('tap-parser returned no result');
  return { events, final: parser.results };
}

/** `failures` contains the problems that the parser finds, in addition to the points that are not ok. */
function numbersOf({ ok, count, pass, fail, skip, bailout, failures }: ReturnType<typeof parse>['final']) {
  const tapErrors = failures.filter((failure) => 'tapError' in failure && failure.tapError !== null);
  return { ok, count, pass, fail, skip, bailout, failures: tapErrors };
}

/** Returns the lines that are not TAP. */
function extrasOf(events: readonly [string, unknown][]): unknown[] {
  return events.filter(([name]) => name === 'extra');
}
