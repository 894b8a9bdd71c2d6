import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TestEvent } from '../../../src/harness/test-file/event.ts';
import { verdictOf } from '../../../src/harness/verdict.ts';

const verdict = suite('the verdict');
const well = { code: 0, signal: null };
const plan: TestEvent = { type: 'plan', tests: ['one', 'two'], skipped: [], filtered: 0 };
const both: TestEvent[] = [
  { type: 'start', test: 0 },
  { type: 'pass', test: 0 },
  { type: 'start', test: 1 },
  { type: 'pass', test: 1 },
];

verdict('passes a file whose tests all ran and whose process ended with 0', () => {
  assert.equal(verdictOf([plan, ...both, { type: 'end', ran: 2, total: 2 }], well), {
    passed: 2,
    failures: [],
    skipped: [],
    tests: [
      { name: 'one', outcome: 'pass', ms: 0 },
      { name: 'two', outcome: 'pass', ms: 0 },
    ],
  });
});

verdict('fails if uvu counted fewer tests than were reported', () => {
  const { failures } = verdictOf([plan, ...both, { type: 'end', ran: 1, total: 2 }], well);
  assert.equal(failures, [
    { title: 'the file', message: '2 tests were planned; uvu ran 1 of 2; 2 reported a result', stack: [] },
  ]);
});

verdict('counts a test that fails after its end once, and not as passed', () => {
  const failure = { message: 'a message is invalid', stack: [] };
  const events: TestEvent[] = [plan, ...both, { type: 'fail', test: 1, failure }, { type: 'end', ran: 2, total: 2 }];
  const { passed, failures, tests } = verdictOf(events, well);
  assert.equal(passed, 1);
  assert.equal(failures, [{ title: '"two"', ...failure }]);
  assert.equal(
    tests.map(({ outcome }) => outcome),
    ['pass', 'fail'],
  );
});

verdict('fails tests that sent no event', () => {
  const { failures } = verdictOf([plan, { type: 'end', ran: 2, total: 2 }], well);
  assert.equal(
    failures.map(({ title, message }) => `${title} ${message}`),
    ['"one" did not run', '"two" did not run'],
  );
});

verdict('counts a test that skipped itself, with its reason', () => {
  const events: TestEvent[] = [
    plan,
    ...both.slice(0, 3),
    { type: 'skip', test: 1, reason: 'no cluster' },
    { type: 'end', ran: 2, total: 2 },
  ];
  const { passed, failures, skipped } = verdictOf(events, well);
  assert.equal(
    { passed, failures, skipped },
    { passed: 1, failures: [], skipped: [{ test: 'two', reason: 'no cluster' }] },
  );
});

verdict('fails the running test if a signal ends the process', () => {
  const { failures } = verdictOf([plan, ...both.slice(0, 3)], { code: null, signal: 'SIGSEGV' });
  assert.equal(failures, [{ title: '"two"', message: 'did not end: the process was ended by SIGSEGV', stack: [] }]);
});

verdict('fails a file whose process exits before its last hook', () => {
  assert.equal(verdictOf([plan, ...both], well).failures, [
    { title: 'the file', message: 'did not end: the process exited with status 0', stack: [] },
  ]);
});

verdict('fails a file that sent no event', () => {
  assert.equal(verdictOf([], well).failures, [
    { title: 'loading the file', message: 'the process exited with status 0', stack: [] },
  ]);
});

verdict('passes a file whose tests were all filtered out', () => {
  const emptied: TestEvent = { type: 'plan', tests: [], skipped: [], filtered: 3 };
  assert.equal(verdictOf([emptied, { type: 'end', ran: 0, total: 0 }], well).failures, []);
});

verdict('contains the outcome and the duration of each test', () => {
  const failure = { message: 'no', stack: [] };
  const events: TestEvent[] = [
    { type: 'plan', tests: ['a', 'b', 'c', 'd'], skipped: [{ test: 'e', reason: 'test.skip' }], filtered: 0 },
    { type: 'start', test: 0 },
    { type: 'pass', test: 0, ms: 3 },
    { type: 'start', test: 1 },
    { type: 'fail', test: 1, failure, ms: 4 },
    { type: 'start', test: 2 },
    { type: 'skip', test: 2, reason: 'no cluster', ms: 5 },
    { type: 'fail', place: 'the file', failure },
  ];
  const { tests, failures } = verdictOf(events, well);
  assert.equal(tests, [
    { name: 'a', outcome: 'pass', ms: 3 },
    { name: 'b', outcome: 'fail', ms: 4, failure: { title: '"b"', message: 'no', stack: [] } },
    { name: 'c', outcome: 'skip', ms: 5, reason: 'no cluster' },
    {
      name: 'd',
      outcome: 'fail',
      ms: 0,
      didNotRun: true,
      failure: { title: '"d"', message: 'did not run', stack: [] },
    },
    { name: 'e', outcome: 'skip', ms: 0, reason: 'test.skip' },
  ]);
  // The objects are identical, so that other failures can be distinguished from those of tests.
  assert.equal(
    failures.filter((one) => !tests.some((test) => test.failure === one)).map(({ title }) => title),
    ['the file'],
  );
});

verdict('keeps the first failure of a test', () => {
  const failure = { message: 'left a queue', stack: [] };
  const events: TestEvent[] = [plan, ...both, { type: 'fail', test: 0, failure }, { type: 'end', ran: 2, total: 2 }];
  assert.equal(
    verdictOf(events, well).tests.map(({ outcome }) => outcome),
    ['fail', 'pass'],
  );
});

verdict.run();
