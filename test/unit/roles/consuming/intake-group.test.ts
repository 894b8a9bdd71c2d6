import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Handler } from '../../../../src/handlers/handler.ts';
import { IntakeGroup, type Member } from '../../../../src/roles/consuming/intake-group.ts';
import { newCounts } from '../../../../src/session/counts.ts';

/** A handler that records whether more messages can arrive. */
function handlerOf(expected: boolean[]): Handler {
  return {
    ...{ prints: 'role', handle: () => assert.unreachable() as never, close: async () => undefined },
    expectMore: (canCome) => expected.push(canCome),
  };
}

/** Creates a group of intakes. `waiting` is their numbers of messages, and `begun` logs the started ones. */
function groupOf(
  waiting: Record<string, number>,
  { concurrency = 1, abandon = new AbortController().signal, ...more } = {},
) {
  const begun: string[] = [];
  const expected: boolean[] = [];
  const counts = newCounts();
  const drain = new AbortController();
  const context = {
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    drain: drain.signal,
    abandon,
  };
  const settings = {
    concurrency,
    prefetch: 10,
    count: undefined,
    idleMs: undefined,
    maxTimeMs: undefined,
    untilEmpty: false,
    intervalMs: undefined,
    drainMs: 0,
    beginDrain: () => undefined,
    warnings: [],
    handler: handlerOf(expected),
    say: () => undefined,
    ...more,
  };
  const group = new IntakeGroup({ context, settings, counts });
  const members = Object.keys(waiting).map((name) => {
    const member: Member & { running: number; needsAll: boolean } = {
      running: 0,
      needsAll: false,
      get waiting(): number {
        return waiting[name]!;
      },
      get isAtRest(): boolean {
        return member.running === 0 && waiting[name] === 0;
      },
      begin: (running: number) => {
        if (waiting[name] === 0 || (member.needsAll && running > 0)) return false;
        waiting[name]! -= 1;
        member.running += 1;
        begun.push(name);
        return true;
      },
      flush: async () => undefined,
      ready: async (): Promise<number | undefined> => waiting[name]!,
    };
    group.join(member);
    return member;
  });
  const end = (index: number) => {
    members[index]!.running -= 1;
    group.handled();
  };
  return { group, members, begun, expected, counts, end, waiting, drain };
}

test('serves intakes in turn, starting after the last served one', () => {
  const { group, begun, end } = groupOf({ a: 3, b: 3, c: 1 });
  group.fill();
  for (const index of [0, 1, 2, 0, 1, 0, 1]) end(index);
  assert.is(begun.join(''), 'abcabab');
});

test('skips an intake without a message', () => {
  const { group, begun, end, waiting } = groupOf({ a: 2, b: 0 });
  group.fill();
  waiting['b'] = 1;
  end(0);
  end(1);
  assert.is(begun.join(''), 'aba');
});

test('the intakes share the concurrency and the count', () => {
  const { group, begun, counts, end } = groupOf({ a: 5, b: 5 }, { concurrency: 3, count: 4 } as object);
  group.fill();
  assert.equal([begun.join(''), counts.inFlight], ['aba', 3]);
  for (const index of [0, 1]) end(index);
  assert.is(begun.join(''), 'abab');
  assert.not(group.isStopping);
  for (const index of [0, 1]) end(index);
  assert.ok(group.isStopping);
});

test('handles a suspect of one intake alone, before other messages', () => {
  const { group, members, begun, end } = groupOf({ a: 2, b: 1 }, { concurrency: 3 });
  members[1]!.needsAll = true;
  group.fill();
  assert.is(begun.join(''), 'b');
  members[1]!.needsAll = false;
  end(1);
  assert.is(begun.join(''), 'baa');
});

test('--until-empty stops when every queue is empty at the same time', async () => {
  const { group, members } = groupOf({ a: 0, b: 0 }, { untilEmpty: true } as object);
  const answers = [0, 1, 0];
  const asked = Promise.withResolvers<void>();
  members[1]!.ready = async () => {
    const answer = answers.shift();
    if (answers.length === 1) asked.resolve();
    if (answer === 0 && answers.length === 2) group.arrived(); // a message is handled during the check of the queues
    return answer;
  };
  group.rest();
  await asked.promise;
  assert.not(group.isStopping);
  await group.ended;
  assert.equal(answers, []);
});

test('reports to a batching handler when no more messages can arrive', () => {
  const { group, members, expected, end } = groupOf({ a: 4, b: 1 }, { concurrency: 2, count: 3 } as object);
  const last = () => expected.at(-1);
  group.fill();
  assert.is(last(), true);
  end(0);
  assert.is(last(), false, 'the count is reached');
  group.uncount();
  members[0]!.running -= 1;
  group.handled();
  assert.is(last(), false, 'the count is reached again');
  const other = groupOf({ a: 1, b: 1 }, { concurrency: 3 });
  other.members[1]!.needsAll = true;
  other.group.fill();
  assert.equal(other.expected, [false], 'a suspect is handled alone');
  other.members[1]!.needsAll = false;
  other.end(1);
  assert.is(other.expected.at(-1), true);
  other.group.stop();
  assert.is(other.expected.at(-1), false, 'the role stops');
});

test('reports the last messages to a batching handler with --until-empty', async () => {
  const { group, members, expected, waiting } = groupOf({ a: 2, b: 0 }, { concurrency: 9, untilEmpty: true } as object);
  const asked = Promise.withResolvers<void>();
  members[1]!.ready = async () => {
    asked.resolve();
    return 0;
  };
  group.fill();
  assert.equal(expected, [true]);
  await asked.promise;
  await new Promise(setImmediate);
  assert.equal(expected, [true, false]);
  group.arrived();
  waiting['a'] = 1;
  group.fill();
  assert.is(expected.at(-1), true, 'another message has arrived');
  group.stop();
});

test('a failed intake ends all intakes, and then its error is thrown', async () => {
  const { group } = groupOf({ a: 0, b: 0 });
  const order: string[] = [];
  const failing = { run: () => Promise.reject(new Error('first')) };
  const other = {
    run: async () => {
      await group.ended;
      order.push('other ended');
    },
  };
  try {
    await group.run([failing, other]);
    assert.unreachable();
  } catch (error) {
    order.push((error as Error).message);
  }
  assert.equal(order, ['other ended', 'first']);
});

for (const { title, signal } of [
  { title: 'ends normally if the drain time after --max-time is over', signal: undefined },
  { title: 'ends with an error if the drain time after a signal is over', signal: 'SIGTERM' },
]) {
  test(title, async () => {
    const abandon = new AbortController();
    const { group, drain } = groupOf({ a: 0 }, { maxTimeMs: 1, abandon: abandon.signal } as object);
    group.open();
    const run = async () => {
      await group.ended;
      if (signal !== undefined) drain.abort(signal);
      abandon.abort();
    };
    const ended = await group.run([{ run }]).then(
      () => undefined,
      (error) => error.code,
    );
    assert.is(ended, signal && 'TERMINATED');
  });
}

test.run();
