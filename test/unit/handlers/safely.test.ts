import { getEventListeners } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Handler, HandlerContext, Outcome } from '../../../src/handlers/handler.ts';
import { safely } from '../../../src/handlers/safely.ts';
import { makeMessage } from '../../fixtures/handlers/host.ts';

const handBack = { type: 'hand-back' };

function handler(handle: (context: HandlerContext) => Promise<Outcome>): Handler {
  return { prints: 'handler', handle: (_message, context) => handle(context), close: async () => {} };
}

async function run(handle: (context: HandlerContext) => Promise<Outcome>, timeoutMs?: number, signal?: AbortSignal) {
  const safe = safely(handler(handle), { timeoutMs, abortGraceMs: 0 });
  return safe.handle(makeMessage(), { signal: signal ?? new AbortController().signal });
}

function aborted({ signal }: HandlerContext): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

test('retries after a throw, a rejection, or a value without a string form', async () => {
  const thrown = await run(() => {
    throw new Error('bad\n  day');
  });
  assert.equal(thrown, { type: 'retry', reason: 'bad day' });
  assert.equal(await run(() => Promise.reject('text')), { type: 'retry', reason: 'text' });
  assert.equal(await run(() => Promise.reject(Object.create(null))), {
    type: 'retry',
    reason: 'an error that cannot be shown',
  });
});

test('returns the outcome without a promise if the handler does', () => {
  const context = { signal: new AbortController().signal };
  const outcomes: (() => Outcome)[] = [
    () => ({ type: 'ack' }),
    () => ({ type: 'dead-letter', reason: 'bad' }),
    () => {
      throw new Error('thrown');
    },
  ];
  const handled = outcomes.map((handle) =>
    safely({ prints: 'handler', handle, close: async () => undefined }, { timeoutMs: 1, abortGraceMs: 0 }).handle(
      makeMessage(),
      context,
    ),
  );
  assert.equal(handled, [{ type: 'ack' }, { type: 'dead-letter', reason: 'bad' }, { type: 'retry', reason: 'thrown' }]);
});

test('the second signal during the start of a handler aborts it', async () => {
  const giveUp = new AbortController();
  const outcome = run(
    (context) => {
      giveUp.abort('SIGTERM');
      return aborted(context).then(() => Promise.reject(new Error('aborted')));
    },
    undefined,
    giveUp.signal,
  );
  assert.equal(await outcome, handBack);
});

test('limits the length of a reason', async () => {
  const outcome = await run(() => Promise.reject(new Error('x'.repeat(1e6))));
  assert.is(outcome.type === 'retry' && outcome.reason.length, 1000);
});

test('retries a handler that never settles at its deadline, and aborts it', async () => {
  let signal: AbortSignal | undefined;
  const outcome = await run((context) => {
    signal = context.signal;
    return new Promise(() => {});
  }, 10);
  assert.equal(outcome, { type: 'retry', reason: 'the handler did not end within 0.01 s' });
  assert.ok(signal?.aborted);
});

test('calls without a deadline share the signal of the role', async () => {
  const role = new AbortController();
  const signals: AbortSignal[] = [];
  const handle = async ({ signal }: HandlerContext): Promise<Outcome> => {
    signals.push(signal);
    return { type: 'ack' };
  };
  for (const timeoutMs of [undefined, undefined, 1000]) await run(handle, timeoutMs, role.signal);
  assert.equal(
    signals.map((signal) => signal === role.signal),
    [true, true, false],
  );
});

test('turns every outcome after the deadline into a retry, except an ack', async () => {
  const late = { type: 'retry', reason: 'the handler did not end within 0.01 s' };
  assert.equal(await run((context) => aborted(context).then(() => ({ type: 'dead-letter', reason: 'x' })), 10), late);
  assert.equal(await run((context) => aborted(context).then(() => Promise.reject(new Error('x'))), 10), late);
  assert.equal(await run((context) => aborted(context).then(() => ({ type: 'ack' })), 10), { type: 'ack' });
});

test('the second signal hands a message back without counting a failure', async () => {
  for (const end of [() => new Promise<Outcome>(() => {}), () => Promise.reject(new Error('aborted'))]) {
    const giveUp = new AbortController();
    const outcome = run((context) => aborted(context).then(end), undefined, giveUp.signal);
    giveUp.abort('SIGTERM');
    assert.equal(await outcome, handBack);
  }
});

test('does not call the handler after the second signal', async () => {
  assert.equal(await run(() => assert.unreachable() as never, undefined, AbortSignal.abort()), handBack);
});

test('adds one listener to the signal for all messages', async () => {
  const { signal } = new AbortController();
  const safe = safely(
    handler(async () => ({ type: 'ack' })),
    { timeoutMs: 60_000, abortGraceMs: 0 },
  );
  await Promise.all(Array.from({ length: 100 }, () => safe.handle(makeMessage(), { signal })));
  assert.is(getEventListeners(signal, 'abort').length, 1);
});

test('a signal that the handler reads late is already aborted', async () => {
  const giveUp = new AbortController();
  const outcome = run(
    async (context) => {
      giveUp.abort('SIGTERM');
      assert.is(context.signal.aborted, true);
      assert.is(context.signal.reason, 'SIGTERM');
      return { type: 'ack' };
    },
    undefined,
    giveUp.signal,
  );
  assert.equal(await outcome, { type: 'ack' });
});

test('a time limit above the longest timer does not pass at once', async () => {
  assert.equal(await run(async () => ({ type: 'ack' }), 1e12), { type: 'ack' });
  const giveUp = new AbortController();
  const outcome = run((context) => aborted(context).then(() => Promise.reject()), 1e12, giveUp.signal);
  setImmediate(() => setTimeout(() => giveUp.abort(), 5));
  assert.equal(await outcome, handBack);
});

test.run();
