// Tests how an intake treats handlers that return at once, later, or fail.

import { Writable } from 'node:stream';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import type { Message, Outcome } from '../../../../src/handlers/handler.ts';
import { safely } from '../../../../src/handlers/safely.ts';
import type { Delivery } from '../../../../src/session/consumer.ts';
import { Printer } from '../../../../src/terminal/printer.ts';
import { startIntake } from '../../../support/intake.ts';
import { type Random, randomOf } from '../../../support/random.ts';

const ack: Outcome = { type: 'ack' };
const bodyOf = ({ body }: Message) => body.toString();

// The clock stands still unless a test moves it, because a busy machine would otherwise end the turns of messages early.
const clock = { now: 1000 };
const { mock: spy } = mock.method(performance, 'now', () => clock.now);
test.after(() => spy.restore());

test('handles a message at its delivery if the handler returns at once', async () => {
  const intake = startIntake({}, { handle: () => ack });
  await turn();
  const { state } = intake.deliverNow({});
  assert.equal(state.answers, ['ack']);
  intake.group.stop();
  await intake.ended;
  assert.equal([intake.counts.acked, intake.counts.handled, intake.counts.inFlight], [1, 1, 0]);
});

test('lets other events run between messages whose handlers are busy', async () => {
  const handled: string[] = [];
  const handle = (message: Message) => {
    handled.push(bodyOf(message));
    clock.now += 15;
    return ack;
  };
  const intake = startIntake({}, { handle, settings: { concurrency: 5 } });
  await turn();
  for (const body of ['1', '2', '3', '4', '5']) intake.deliverNow({ body });
  assert.equal(handled, ['1', '2']);
  await turn();
  assert.equal(handled, ['1', '2', '3', '4']);
  intake.drain.abort('SIGTERM');
  await intake.ended;
  assert.equal([handled.length, intake.log], [4, ['stop', 'hand back']]);
});

test('starts programs that take long to start in one turn', async () => {
  const handled: string[] = [];
  const ends = Promise.withResolvers<Outcome>();
  const handle = (message: Message) => {
    handled.push(bodyOf(message));
    clock.now += 15;
    return ends.promise;
  };
  const intake = startIntake({}, { handle, settings: { concurrency: 5 } });
  await turn();
  for (const body of ['1', '2', '3', '4', '5']) intake.deliverNow({ body });
  assert.equal(handled, ['1', '2', '3', '4', '5']);
  ends.resolve(ack);
  intake.group.stop();
  await intake.ended;
  assert.is(intake.counts.acked, 5);
});

test('handles any number of waiting messages without recursion', async () => {
  const first = Promise.withResolvers<Outcome>();
  let handled = 0;
  const handle = () => {
    handled += 1;
    return handled === 1 ? first.promise : ack;
  };
  const intake = startIntake({}, { handle });
  const all = 5000;
  for (let sent = 0; sent < all; sent += 1) intake.deliverNow({});
  await turn();
  assert.is(handled, 1);
  first.resolve(ack);
  await turn();
  assert.is(handled, all);
  intake.group.stop();
  await intake.ended;
});

test('does not accumulate messages that arrive without a limit', async () => {
  let handled = 0;
  const handle = () => {
    handled += 1;
    clock.now += 100;
    return ack;
  };
  const intake = startIntake({}, { handle, settings: { prefetch: 3 } });
  await turn();
  for (let sent = 0; sent < 20; sent += 1) intake.deliverNow({});
  assert.is(handled, 17);
  for (let turns = 0; handled < 20 && turns < 100; turns += 1) await turn();
  assert.is(handled, 20);
  intake.group.stop();
  await intake.ended;
});

test('acknowledges a printed message only after it is written', async () => {
  const writes: (() => void)[] = [];
  const stdout = new Writable({ write: (_chunk, _encoding, next) => void writes.push(next) });
  const handler = { prints: 'role', handle: () => ack };
  const settings = { concurrency: 3, handler, count: 3 };
  const intake = startIntake({}, { settings, parts: { printer: new Printer(stdout) } });
  const answers: string[] = intake.log;
  for (const body of ['1', '2', '3']) intake.deliverNow({ body }, answers);
  await turn();
  await turn();
  assert.equal([writes.length, answers, intake.counts.inFlight], [1, [], 3]);
  writes[0]?.();
  await intake.ended;
  assert.equal(answers, ['ack', 'ack', 'stop', 'ack']);
});

test('an error of the printer ends the role and returns the message', async () => {
  const printer = {
    json: () => {
      throw new RangeError('Invalid string length');
    },
  };
  const intake = startIntake({}, { handle: () => ack, settings: { json: true }, parts: { printer } });
  intake.deliverNow({});
  const error = await intake.ended.catch((reason: unknown) => reason);
  assert.is(error instanceof MqError && error.code, 'BUG');
  assert.equal(intake.log, ['stop', 'hand back']);
});

test('--count counts a message once if it comes again before it is written', async () => {
  const writes: (() => void)[] = [];
  const stdout = new Writable({ write: (_chunk, _encoding, next) => void writes.push(next) });
  const handled: string[] = [];
  const handle = (message: Message) => {
    handled.push(bodyOf(message));
    return ack;
  };
  const settings = { count: 2, handler: { prints: 'role', handle } };
  const intake = startIntake({}, { settings, parts: { printer: new Printer(stdout) } });
  await turn();
  const lost = await intake.deliver({ id: 'one', body: 'one' });
  intake.lose(lost);
  writes[0]?.();
  await turn();
  const copy = await intake.deliver({ id: 'one', body: 'one', redelivered: true });
  const second = await intake.deliver({ id: 'two', body: 'two' });
  assert.not(intake.group.isStopping);
  writes[1]?.();
  await intake.ended;
  assert.equal(handled, ['one', 'two']);
  assert.equal(
    [lost, copy, second].map(({ state }) => state.answers),
    [[], ['ack'], ['ack']],
  );
});

test('--idle ends a role whose handler returns at once', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const intake = startIntake({}, { handle: () => ack, settings: { idleMs: 1000 } });
    await turn();
    mock.timers.tick(900);
    const { state } = intake.deliverNow({});
    mock.timers.tick(900);
    assert.not(intake.group.isStopping);
    mock.timers.tick(100);
    assert.ok(intake.group.isStopping);
    await intake.ended;
    assert.equal(state.answers, ['ack']);
  } finally {
    mock.timers.reset();
  }
});

test('--idle does not count the time without a consumer', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const intake = startIntake({}, { handle: () => ack, settings: { idleMs: 1000 } });
    await turn();
    mock.timers.tick(900);
    intake.lose();
    mock.timers.tick(60_000);
    assert.not(intake.group.isStopping);
    intake.resume();
    mock.timers.tick(60_000);
    assert.not(intake.group.isStopping, 'the broker has not accepted the consumer');
    intake.accept();
    mock.timers.tick(999);
    assert.not(intake.group.isStopping);
    mock.timers.tick(1);
    assert.ok(intake.group.isStopping);
    await intake.ended;
  } finally {
    mock.timers.reset();
  }
});

/** A handler that returns at once or later, throws, rejects, or fails. The body of the message chooses. */
function mixedHandler(random: Random, events: { started: string[]; running: number; most: number }) {
  const outcomes: Readonly<Record<string, Outcome>> = {
    ack,
    retry: { type: 'retry', reason: 'it failed' },
    'dead-letter': { type: 'dead-letter', reason: 'it is bad' },
    'hand-back': { type: 'hand-back' },
  };
  const late = async (kind: string): Promise<Outcome> => {
    for (let turns = random.below(4); turns > 0; turns -= 1) await turn();
    events.running -= 1;
    if (kind === 'throw') throw new Error('it rejected');
    return outcomes[kind] ?? ack;
  };
  return safely(
    {
      prints: 'handler',
      handle: (message) => {
        const [number = '', when, kind = ''] = bodyOf(message).split(' ');
        events.started.push(number);
        events.running += 1;
        events.most = Math.max(events.most, events.running);
        if (when === 'later') return late(kind);
        events.running -= 1;
        if (kind === 'throw') throw new Error('it threw');
        return outcomes[kind] ?? ack;
      },
      close: async () => undefined,
    },
    { timeoutMs: 60_000, abortGraceMs: 0 },
  );
}

test('answers each message once if handlers return at once, later, or fail', async () => {
  const kinds = ['ack', 'ack', 'ack', 'retry', 'dead-letter', 'hand-back', 'throw'];
  const answerOf: Readonly<Record<string, string>> = { ack: 'ack', 'hand-back': 'hand back' };
  for (let seed = 1; seed <= 150; seed += 1) {
    const random = randomOf(seed);
    const events = { started: [] as string[], running: 0, most: 0 };
    const answers = new Map<string, string[]>();
    const record = (message: Message, answer: string) => answers.get(bodyOf(message))?.push(answer);
    const failures = {
      settle: async (_: Delivery, message: Message) => {
        await turn();
        record(message, 'failed');
        return { isDone: true };
      },
      handBack: async ({ message }: { message: Message }) => record(message, 'hand back'),
    };
    const all = 1 + random.below(40);
    const count = random.chance(0.5) ? 1 + random.below(all) : all;
    const concurrency = 1 + random.below(5);
    const handler = mixedHandler(random, events);
    const intake = startIntake(failures, { settings: { concurrency, handler, count, prefetch: 100 } });
    for (let number = 1; number <= all && !intake.group.isStopping; number += 1) {
      const body = `${number} ${random.pick(['now', 'later'])} ${random.pick(kinds)}`;
      answers.set(body, intake.deliverNow({ body }, []).state.answers);
      if (random.chance(0.3)) await turn();
    }
    for (let turns = 0; events.started.length < count && turns < 1000; turns += 1) await turn();
    assert.ok(events.started.length >= count, `seed ${seed}: ${events.started.length} of ${count}`);
    await intake.ended;
    const handled = events.started.length;
    assert.equal(
      events.started,
      Array.from({ length: handled }, (_, index) => `${index + 1}`),
      `seed ${seed}`,
    );
    assert.ok(events.most <= concurrency, `seed ${seed}: ${events.most} handlers`);
    for (const [index, [body, given]] of [...answers].entries()) {
      const expected = index < handled ? (answerOf[body.split(' ')[2] ?? ''] ?? 'failed') : 'hand back';
      assert.equal(given, [expected], `seed ${seed}: ${body}`);
    }
    const { counts } = intake;
    assert.equal([counts.inFlight, counts.handled], [0, handled], `seed ${seed}`);
  }
});

test.run();
