// Checks that at most the given number of commands run at the same time.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Slots } from '../../../src/mcp/slots.ts';

const never = new AbortController().signal;

test('runs the next command when one has ended, also after a failure', async () => {
  const slots = new Slots(1);
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = slots.run(() => first.promise, never).catch(() => order.push('one'));
  const two = slots.run(async () => order.push('two'), never);
  const three = slots.run(async () => order.push('three'), never);
  assert.equal(order, []);
  first.reject(new Error('failed'));
  await Promise.all([one, two, three]);
  assert.equal(order, ['one', 'two', 'three']);
});

test('a command that is cancelled while it waits does not run', async () => {
  const slots = new Slots(1);
  const first = Promise.withResolvers<void>();
  const one = slots.run(() => first.promise, never);
  const cancel = new AbortController();
  const two = slots.run(async () => 'ran', cancel.signal).catch(() => 'cancelled');
  const three = slots.run(async () => 'ran', never);
  cancel.abort();
  assert.is(await two, 'cancelled');
  first.resolve();
  await one;
  assert.is(await three, 'ran');
});

test('work that is cancelled as it gets its slot does not remove another one', async () => {
  // The number of turns of the microtask queue until the slot is given is not known.
  for (let turns = 0; turns < 10; turns += 1) {
    const slots = new Slots(1);
    const [first, cancel] = [Promise.withResolvers<void>(), new AbortController()];
    const running = slots.run(() => first.promise, never);
    const second = slots.run(async () => 'second', cancel.signal).catch(() => 'cancelled');
    const third = slots.run(async () => 'third', never);
    first.resolve();
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    cancel.abort();
    await Promise.all([running, second]);
    assert.is(await third, 'third');
  }
});

test.run();
