// Checks that a failing plan becomes smaller, and which violations are of the same kind.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { planOf } from './plan.ts';
import { kindOf, shrink } from './shrink.ts';

const plan = {
  seed: 7,
  faults: Array.from({ length: 6 }, (_, at) => ({ fault: at === 4 ? 'cut' : 'freeze', at: 100 * at, holdMs: 1000 })),
  publishers: [{ host: 'p0', messages: [{ ways: ['retry', 'throws', 'ack'] }, { ways: ['ack'] }] }, { host: 'p1' }],
  heartbeat: 30,
};

test('drops everything that the failure does not need', async () => {
  const fails = async ({ faults }: typeof plan) => faults.some(({ fault, at }) => fault === 'cut' && at >= 200);
  const { plan: small } = await shrink(plan, { fails, mostRuns: 1000 });
  assert.equal(small.faults, [{ fault: 'cut', at: 200, holdMs: 0 }]);
  assert.equal(small.publishers, [{ host: 'p1' }]);
  assert.is(small.heartbeat, 10);
  assert.is(small.seed, 7);
});

test('keeps the last way of a message and both of two needed items', async () => {
  const fails = async ({ publishers, faults }: typeof plan) =>
    publishers.some(({ messages }) => messages !== undefined) && faults.length >= 2;
  const { plan: small } = await shrink(plan, { fails, mostRuns: 1000 });
  assert.is(small.faults.length, 2);
  assert.equal(small.publishers, [{ host: 'p0', messages: [] }]);
  const keepsWays = await shrink(plan, {
    fails: async ({ publishers: [first] }) => first?.messages?.[0] !== undefined,
    mostRuns: 1000,
  });
  assert.equal(keepsWays.plan.publishers, [{ host: 'p0', messages: [{ ways: ['ack'] }] }]);
});

test('stops after the number of runs, with a plan that fails', async () => {
  let runs = 0;
  const fails = async (smaller: typeof plan) => {
    runs += 1;
    return smaller.faults.length > 3;
  };
  const { plan: small } = await shrink(plan, { fails, mostRuns: 5 });
  assert.is(runs, 5);
  assert.is.not(small, plan);
  assert.ok(await fails(small));
});

test('makes a plan of the simulation smaller with few runs', async () => {
  const seeds = Array.from({ length: 500 }, (_, seed) => planOf(seed));
  const original = seeds.find(({ faults }) => faults.length === 6);
  assert.ok(original);
  const last = original.faults.at(-1)?.fault;
  const fails = async ({ faults }: typeof original) => faults.some(({ fault }) => fault === last);
  const { plan: small, runs } = await shrink(original, { fails, mostRuns: 500 });
  assert.is(small.faults.length, 1);
  assert.is(small.publishers.length, 1);
  assert.is(small.consumers.length, 1);
  assert.ok(runs < 200, `${runs} runs`);
});

test('violations are of one kind if only names and numbers differ', () => {
  assert.is(kindOf('3 lost: p0-1 ack 0 x, p0-2 ack 0 '), kindOf('1 lost: p1-7 throws,ack 5 '));
  assert.is.not(kindOf('3 lost: p0-1'), kindOf('3 stuck: p0-1'));
  assert.is.not(kindOf('stream: 3 lost: s0-1'), kindOf('stream: reader t0 handled offset 1 again'));
  assert.is(kindOf('publisher p0 ended with 70: a'), kindOf('publisher p1 ended with 70: b'));
  assert.is.not(kindOf('publisher p0 ended with 70: a'), kindOf('publisher p0 ended with 78: a'));
  assert.is(
    kindOf('p0-3 ack 0 x was delivered 21 times within a minute'),
    kindOf('p1-0 ack 0 x was delivered 30 times within a minute'),
  );
});

test.run();
