import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TestEvent } from '../../../src/harness/event.ts';
import { judge } from '../../../src/harness/judge.ts';

const judgement = suite('judge');
const well = { code: 0, signal: null };
const plan: TestEvent = { type: 'plan', tests: ['one', 'two'], skipped: [], filtered: 0 };
const both: TestEvent[] = [
  { type: 'start', test: 0 },
  { type: 'pass', test: 0 },
  { type: 'start', test: 1 },
  { type: 'pass', test: 1 },
];

judgement('passes a file whose tests all ran and whose process ended well', () => {
  assert.equal(judge([plan, ...both, { type: 'end', ran: 2, total: 2 }], well), {
    passed: 2,
    failures: [],
    skipped: [],
  });
});

judgement('trusts no reports that uvu did not count', () => {
  const { failures } = judge([plan, ...both, { type: 'end', ran: 1, total: 2 }], well);
  assert.equal(failures, [{ title: 'the file', message: '2 tests are to run; uvu ran 1 of 2; 2 reported', stack: [] }]);
});

judgement('trusts no end without its tests', () => {
  const { failures } = judge([plan, { type: 'end', ran: 2, total: 2 }], well);
  assert.equal(
    failures.map(({ title, message }) => `${title} ${message}`),
    ['"one" did not run', '"two" did not run'],
  );
});

judgement('counts a test that skipped itself, with its reason', () => {
  const events: TestEvent[] = [
    plan,
    ...both.slice(0, 3),
    { type: 'skip', test: 1, reason: 'no moon' },
    { type: 'end', ran: 2, total: 2 },
  ];
  assert.equal(judge(events, well), { passed: 1, failures: [], skipped: [{ test: 'two', reason: 'no moon' }] });
});

judgement('fails a file whose process was ended by a signal, and names the test it hit', () => {
  const { failures } = judge([plan, ...both.slice(0, 3)], { code: null, signal: 'SIGSEGV' });
  assert.equal(failures, [{ title: '"two"', message: 'did not end: the process was ended by SIGSEGV', stack: [] }]);
});

judgement('fails a file whose process left after its tests and before its last hook', () => {
  assert.equal(judge([plan, ...both], well).failures, [
    { title: 'the file', message: 'did not end: the process exited with status 0', stack: [] },
  ]);
});

judgement('fails a file that sent nothing at all', () => {
  assert.equal(judge([], well).failures, [
    { title: 'loading the file', message: 'the process exited with status 0', stack: [] },
  ]);
});

judgement('does not mind a file that the filter has emptied', () => {
  const emptied: TestEvent = { type: 'plan', tests: [], skipped: [], filtered: 3 };
  assert.equal(judge([emptied, { type: 'end', ran: 0, total: 0 }], well).failures, []);
});

judgement.run();
