// One run with every kind of result, for the tests of the reports.

import type { FileResult } from '../../../src/harness/file-run.ts';
import type { ReportContext, Reporter, RunEvent } from '../../../src/harness/report/reporter.ts';
import { verdictOf } from '../../../src/harness/verdict.ts';

const well = { code: 0, signal: null };

/** A file that passes, with names that every format must escape. */
const good: FileResult = {
  file: '/repo/app/orders.test.ts',
  ms: 12.3456,
  output: '',
  ...verdictOf(
    [
      {
        type: 'plan',
        tests: ['adds', 'orders: accepts #1 <of> "2" & C:\\'],
        lines: [3, 9],
        skipped: [],
        filtered: 0,
      },
      { type: 'start', test: 0 },
      { type: 'pass', test: 0, ms: 1.5 },
      { type: 'start', test: 1 },
      { type: 'skip', test: 1, reason: 'no cluster\nhere', ms: 0.25 },
      { type: 'end', ran: 2, total: 2 },
    ],
    well,
  ),
};

/** A file that fails: an assertion fails, a hook throws and a test does not end. It also has output. */
const bad: FileResult = {
  file: '/repo/app/sub/pay.test.ts',
  ms: 2000,
  output: 'first words\n\u001b[31mred\u001b[0m ]]> & <b>',
  ...verdictOf(
    [
      {
        type: 'plan',
        tests: ['pays', 'waits, for: ever'],
        skipped: [{ test: 'later', reason: 'test.skip' }],
        filtered: 0,
      },
      { type: 'start', test: 0 },
      {
        type: 'fail',
        test: 0,
        ms: 7,
        failure: {
          message: 'Expected 100% to be\n\nequal:',
          details: '++2    (Expected)\n--1    (Actual)',
          roles: 'mq worker --exec ./pay.sh:\n  no such customer',
          stack: ['at check (/repo/app/sub/check.ts:3:9)', 'at Object.handler (/repo/app/sub/pay.test.ts:8:38)'],
        },
      },
      {
        type: 'fail',
        place: 'the suite without a name, after.each hook of "pays"',
        failure: { message: 'cannot tidy up', stack: [] },
      },
      { type: 'start', test: 1 },
    ],
    { code: null, signal: 'SIGKILL', killed: 'the process sent no event for 3000 ms and was killed' },
  ),
};

const payTest = `import { test } from 'mq/test';

test('pays', () => {});

test('waits, for: ever', () => {});
`;

export const context: ReportContext = {
  cwd: '/repo/app',
  repository: '/repo',
  read: (file) => (file === bad.file ? payTest : undefined),
  now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 600),
  isVerbose: false,
  isColoured: false,
};

export const start: RunEvent = { type: 'start', files: 2, target: 'embedded', seed: 7 };
export const wholeRun: readonly RunEvent[] = [
  start,
  { type: 'note', text: 'no management API:\nthe vhost of the address is used' },
  { type: 'file', result: good },
  { type: 'file', result: bad },
  { type: 'finish', ms: 2100 },
];

/** A run in which every test was skipped. */
export const skippedRun: readonly RunEvent[] = [
  start,
  { type: 'file', result: { ...good, passed: 0, tests: good.tests.slice(1) } },
  { type: 'finish', ms: 5 },
];

/** A shard without tests. */
export const emptyShard: readonly RunEvent[] = [
  { ...start, files: 0, shard: '3/3' },
  { type: 'note', text: 'shard 3/3: no test ran' },
  { type: 'finish', ms: 1, shard: '3/3' },
];

export const interruptedRun: readonly RunEvent[] = [
  start,
  { type: 'file', result: good },
  { type: 'finish', ms: 5, interrupted: 'SIGINT' },
];

/** Returns the whole output of the reporter. */
export function written(reporter: Reporter, events: readonly RunEvent[], more: Partial<ReportContext> = {}): string {
  const report = reporter({ ...context, ...more });
  return events.map((event) => report(event)).join('');
}
