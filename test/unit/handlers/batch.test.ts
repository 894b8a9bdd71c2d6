import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import { type BatchPlan, batched } from '../../../src/handlers/batch.ts';
import type { Handler, Message, Outcome } from '../../../src/handlers/handler.ts';
import { makeMessage } from '../../fixtures/handlers/host.ts';

const { signal } = new AbortController();
const longMs = 3_600_000;

interface Call {
  readonly bodies: readonly string[];
  readonly end: (outcomes: readonly Outcome[]) => void;
}

/** Returns a handler and its calls. A call ends when the test calls its `end`. */
function recorder(): { handler: Handler; calls: Call[] } {
  const calls: Call[] = [];
  const handleBatch = (messages: readonly Message[]) =>
    new Promise<readonly Outcome[]>((end) => {
      calls.push({ bodies: messages.map(({ body }) => body.toString()), end });
    });
  const handler: Handler = {
    ...{ prints: 'role', handle: () => assert.unreachable() as never, handleBatch },
    close: async () => {},
  };
  return { handler, calls };
}

function handleAll(handler: Handler, bodies: readonly string[]): Promise<Outcome[]> {
  return Promise.all(bodies.map((body) => handler.handle(makeMessage(body), { signal })));
}

function make(plan: Partial<BatchPlan> = {}) {
  const { handler, calls } = recorder();
  return { calls, handler: batched(handler, { size: 3, waitMs: longMs, calls: 1, ...plan }) };
}

test('a full batch is one call, and each message has its own outcome', async () => {
  const { handler, calls } = make();
  const outcomes = handleAll(handler, ['a', 'b', 'c']);
  assert.equal(
    calls.map(({ bodies }) => bodies),
    [['a', 'b', 'c']],
  );
  const given: Outcome[] = [{ type: 'ack' }, { type: 'retry', reason: 'x' }, { type: 'dead-letter', reason: 'y' }];
  calls[0]?.end(given);
  assert.equal(await outcomes, given);
});

test('a partial batch starts when its first message has waited long enough', async () => {
  const { handler, calls } = make({ waitMs: 5 });
  const outcomes = handleAll(handler, ['a', 'b']);
  assert.is(calls.length, 0);
  while (calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(calls[0]?.bodies, ['a', 'b']);
  calls[0]?.end([{ type: 'ack' }, { type: 'ack' }]);
  assert.equal(await outcomes, [{ type: 'ack' }, { type: 'ack' }]);
});

test('limits the number of concurrent calls; waiting messages follow', async () => {
  const { handler, calls } = make({ size: 1 });
  const outcomes = handleAll(handler, ['a', 'b']);
  assert.is(calls.length, 1);
  calls[0]?.end([{ type: 'ack' }]);
  while (calls.length < 2) await new Promise(setImmediate);
  calls[1]?.end([{ type: 'hand-back' }]);
  assert.equal(await outcomes, [{ type: 'ack' }, { type: 'hand-back' }]);
});

test('a partial batch starts when no more messages can arrive', async () => {
  const { handler, calls } = make();
  const outcomes = handleAll(handler, ['a', 'b']);
  handler.expectMore?.(false);
  assert.equal(calls[0]?.bodies, ['a', 'b']);
  calls[0]?.end([{ type: 'ack' }, { type: 'ack' }]);
  assert.equal(await outcomes, [{ type: 'ack' }, { type: 'ack' }]);
  const last = handleAll(handler, ['c']);
  assert.equal(calls[1]?.bodies, ['c']);
  calls[1]?.end([{ type: 'ack' }]);
  await last;
  handler.expectMore?.(true);
  const more = handleAll(handler, ['d']);
  assert.is(calls.length, 2);
  handler.expectMore?.(false);
  calls[2]?.end([{ type: 'ack' }]);
  await more;
});

const whole: Outcome = { type: 'retry', reason: 'all', isOfBatch: true };
const failed: Outcome = { type: 'retry', reason: 'own' };

/**
 * Handles a batch of `bodies` that fails as a whole, and then each message alone. Returns the outcomes and the calls.
 */
async function afterWholeFailure(bodies: readonly string[], alone: (body: string) => Outcome) {
  const { handler, calls } = make({ size: bodies.length });
  const outcomes = handleAll(handler, bodies);
  let isEnded = false;
  void outcomes.then(() => {
    isEnded = true;
  });
  for (let index = 0; !isEnded; await new Promise(setImmediate)) {
    const call = calls[index];
    if (!call) continue;
    call.end(call.bodies.length > 1 ? bodies.map(() => whole) : call.bodies.map(alone));
    index += 1;
  }
  return { outcomes: await outcomes, calls: calls.map((call) => call.bodies.join('')) };
}

test('a batch that fails as a whole is tried message by message', async () => {
  const seen = await afterWholeFailure(['a', 'b', 'c'], (body) => (body === 'b' ? failed : { type: 'ack' }));
  assert.equal(seen, { outcomes: [{ type: 'ack' }, failed, { type: 'ack' }], calls: ['abc', 'a', 'b', 'c'] });
});

test('tries only three messages of a failed batch alone if all three fail', async () => {
  const { outcomes, calls } = await afterWholeFailure(['a', 'b', 'c', 'd'], () => failed);
  assert.equal(
    [outcomes, calls],
    [
      [failed, failed, failed, whole],
      ['abcd', 'a', 'b', 'c'],
    ],
  );
});

test('if a message ends the role, messages that were not tried are handed back', async () => {
  const stop: Outcome = { type: 'stop', error: new MqError('SYSTEM', 'broken') };
  const { outcomes } = await afterWholeFailure(['a', 'b', 'c'], (body) => (body === 'b' ? stop : { type: 'ack' }));
  assert.equal(outcomes, [{ type: 'ack' }, stop, { type: 'hand-back' }]);
});

test('refuses a handler that cannot handle batches', () => {
  const { handleBatch, ...single } = recorder().handler;
  assert.throws(
    () => batched(single, { size: 2, waitMs: 1, calls: 1 }),
    (error: { code?: string }) => error.code === 'USAGE',
  );
});

test.run();
