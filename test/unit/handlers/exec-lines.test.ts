// The processes of --exec-lines: how they start, end and are replaced. exec-lines-by-spawn.test.ts runs these tests again.

import { getEventListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeExecLines } from '../../../src/handlers/exec-lines.ts';
import { restartPause } from '../../../src/handlers/lines/pool.ts';
import { make, never, using } from '../../fixtures/handlers/exec-lines.ts';
import { handleOne, makeHost, makeMessage, rejection, replyText, textSink } from '../../fixtures/handlers/host.ts';
import { withoutDescriptors } from '../../fixtures/handlers/shortage.ts';
import { node } from '../../support/node.ts';
import { until } from '../../support/until.ts';

const handBack = { type: 'hand-back' };
const lines = {
  execLines: [node, 'lines.mjs'],
  isReply: false,
  environment: {},
  processes: 1,
  timeoutMs: undefined,
};
const temporary = mkdtempSync(join(tmpdir(), 'mq-lines-'));
test.after(() => rmSync(temporary, { recursive: true }));

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('a process receives each message as the JSON of --exec with an id', async () => {
  await using({}, async (ask) => {
    assert.equal(replyText(await ask('served')), '1');
    assert.equal(replyText(await ask('served')), '2');
    const fields = { exchange: '', routingKey: 'jobs', redelivered: false, queue: 'jobs' };
    const { id, ...message } = JSON.parse(replyText(await ask('message')) ?? '');
    assert.type(id, 'number');
    const rest = { encoding: 'utf8', fields, properties: {}, headers: {}, attempt: 1 };
    assert.equal(message, { body: 'message', ...rest });
  });
});

test('sends a body as one line, also with newlines, of 1 MiB or not UTF-8', async () => {
  await using({}, async (ask) => {
    for (const body of ['a\nb\r\n\u2028c', 'x'.repeat(2 ** 20)]) assert.is(replyText(await ask(body)), body);
    assert.is(replyText(await ask(Buffer.from([0xff, 0x00]))), '/wA=');
  });
});

test('a process inherits the environment without variables of mq', async () => {
  const host = makeHost({ env: { PATH: process.env['PATH'], MQ_URL: 'amqp://secret', LANG: 'C' } });
  await using({ host }, async (ask) => {
    const seen = Object.keys(JSON.parse(replyText(await ask('env')) ?? '{}'));
    assert.ok(seen.includes('LANG'));
    assert.equal(
      seen.filter((name) => name.startsWith('MQ_')),
      [],
    );
  });
});

test('concurrency is the number of processes, each with one message', async () => {
  const file = join(temporary, 'pool');
  await using({ args: ['log', file], concurrency: 3 }, async (ask) => {
    const pids = await Promise.all(Array.from({ length: 12 }, () => ask('pid')));
    const started = readFileSync(file, 'utf8').trim().split('\n');
    assert.is(started.length, 3);
    assert.equal([...new Set(pids.map(replyText))].toSorted(), started.toSorted());
  });
  for (const pid of readFileSync(file, 'utf8').trim().split('\n')) assert.not(isRunning(Number(pid)));
});

for (const [body, reason] of [
  ['exit 0', 'it ended without an answer (exit status 0)'],
  ['exit 9', 'it ended without an answer (exit status 9)'],
  ['kill SIGKILL', 'it ended without an answer (signal SIGKILL)'],
  ['noise 21', 'no answer: more than 20 lines that are not answers'],
] as const) {
  test(`"${body}" uses one attempt, and a new process handles the next message`, async () => {
    await using({}, async (ask) => {
      const first = replyText(await ask('pid'));
      assert.equal(await ask(body), { type: 'retry', reason });
      const second = replyText(await ask('pid'));
      assert.is.not(first, second);
      assert.not(isRunning(Number(first)));
    });
  });
}

test('prints a character of stderr whose bytes arrive in two chunks', async () => {
  const stderr = Object.assign(textSink(), { isTTY: true });
  const script = `process.stdin.once('data', (line) => {
    process.stderr.write('a' + 'é'.repeat(500_000) + '\\n', () => {
      console.log(JSON.stringify({ id: JSON.parse(line).id, outcome: 'ack' }));
    });
  });`;
  await using({ command: [node, '-e', script], host: makeHost({ stderr }), isReply: false }, async (ask) => {
    assert.equal(await ask('x'), { type: 'ack' });
    await stderr.until('\n');
  });
  assert.ok(stderr.text === `a${'é'.repeat(500_000)}\n`, 'the text is the same');
});

test('prints up to 20 lines that are not JSON on stderr, and escapes them', async () => {
  const host = makeHost();
  await using({ host }, async (ask) => {
    assert.equal(await ask('noise 2'), { type: 'ack' });
    assert.equal(await ask('noise 20'), { type: 'ack' });
    assert.equal(await ask('err as it is \u001b[1m'), { type: 'ack' });
    await host.stderr.until('as it is \u001b[1m\n');
  });
  const shown = host.stderr.text.split('\n');
  assert.is(shown[0], `${node}: noise 1 \\x1b[2J`);
  assert.is(shown.filter((line) => line.includes('noise')).length, 22);
  assert.is(host.stdout.text, '');
});

test('replaces a process that closes its stdout', async () => {
  await using({ args: ['stay'] }, async (ask) => {
    assert.equal(await ask('close-stdout'), { type: 'retry', reason: 'it ended without an answer (signal SIGTERM)' });
    assert.is(replyText(await ask('served')), '1');
  });
});

test('accepts an answer although the process exits after it', async () => {
  await using({}, async (ask) => {
    assert.is(replyText(await ask('answer-and-exit')), 'last');
  });
});

test('a late answer uses one attempt', async () => {
  await using({ host: makeHost({ timeoutMs: 50 }) }, async (ask) => {
    assert.equal(await ask('hang'), { type: 'retry', reason: 'the handler did not end within 0.05 s' });
  });
});

test('the time limit starts when the line is written, not before the pause', async () => {
  const script =
    'while read -r line; do case $line in *die*) exit 1;; esac; echo "${line%%,*},\\"outcome\\":\\"ack\\"}"; done';
  const pauses: number[] = [];
  const clock = {
    now: () => 0,
    // The time limit of 1500 ms never passes.
    pause: (milliseconds: number, until: AbortSignal) => {
      pauses.push(milliseconds);
      return new Promise<undefined>((resolve) => {
        if (milliseconds !== 1500) resolve(undefined);
        until.addEventListener('abort', () => resolve(undefined), { once: true });
      });
    },
  };
  const plan = { ...lines, execLines: ['sh', '-c', script], timeoutMs: 1500, pauseMs: () => 1600, clock };
  const handler = await makeExecLines(plan, makeHost());
  assert.is((await handler.handle(makeMessage('die'), { signal: never })).type, 'retry');
  pauses.length = 0;
  assert.equal(await handleOne(handler), { type: 'ack' });
  assert.equal(pauses.slice(0, 2), [1600, 1500]);
});

test('the pause grows with each exit, and an answer resets it', async () => {
  const exits: number[] = [];
  const pauseMs = (count: number) => {
    exits.push(count);
    return 0;
  };
  const handler = await makeExecLines({ ...lines, pauseMs }, makeHost());
  const bodies = ['served', 'exit 1', 'exit 1', 'exit 1', 'served', 'exit 1', 'served'];
  for (const body of bodies) await handler.handle(makeMessage(body), { signal: never });
  assert.equal(exits, [1, 2, 3, 1]);
  await handler.close();
  assert.equal([1, 2, 3, 7, 8, 2000].map(restartPause), [100, 200, 400, 6400, 10_000, 10_000]);
});

test('no process starts before the pause is over', async () => {
  const file = join(temporary, 'pause');
  const plan = { ...lines, execLines: [node, 'lines.mjs', 'log', file], pauseMs: () => 2 ** 40 };
  const handler = await makeExecLines(plan, makeHost());
  for (const body of ['served', 'exit 1']) await handler.handle(makeMessage(body), { signal: never });
  const outcome = handler.handle(makeMessage('served'), { signal: never });
  // A second handler starts and answers, which takes longer than a start without a pause would.
  await using({}, async (ask) => assert.is(replyText(await ask('served')), '1'));
  assert.is(readFileSync(file, 'utf8').trim().split('\n').length, 1);
  await handler.close();
  assert.equal(await outcome, handBack);
});

for (const [command, message] of [
  [['true'], /^cannot use true: it ended before it received a message \(exit status 0\)$/],
  [['sh', '-c', 'kill -9 $$'], /^cannot use sh: .*\(signal SIGKILL\)$/],
  [['./no-such'], /^cannot run \.\/no-such: no such file$/],
] as const) {
  test(`reports a broken program before the first message: ${command.join(' ')}`, async () => {
    const error = await rejection(make({ command }));
    assert.is(error.code, 'SYSTEM');
    assert.match(error.message, message);
  });
}

test('prints at most 21 lines of a program that is no handler', async () => {
  const stderr = textSink();
  const error = await rejection(make({ command: ['yes'], host: makeHost({ stderr }) }));
  assert.is(
    error.message,
    'cannot use yes: before its first message it printed more than 20 lines that are not answers',
  );
  assert.is(stderr.text, 'yes: y\n'.repeat(21));
});

for (const [what, script, message] of [
  ['after the first check', 'sleep 0.4; exit 3', /it also ends without a message \(exit status 3\)$/],
  ['at its first line', 'read line; exit 3', /it also ends without a message \(exit status 3\)$/],
  ['by a signal', 'sleep 0.4; kill -SEGV $$', /it also ends without a message \(signal SIGSEGV\)$/],
] as const) {
  test(`a program that ends each time ${what} ends the role and hands the message back`, async () => {
    await using({ command: ['sh', '-c', script] }, async (ask) => {
      const outcome = await ask('a');
      assert.ok(outcome.type === 'stop' && outcome.error.code === 'SYSTEM', JSON.stringify(outcome));
      assert.match(outcome.error.message, message);
    });
  });
}

for (const [what, command, message] of [
  ['ends with 0', ['sh', '-c', 'read line; exit 0'], /it ended 3 times and never answered \(exit status 0\)$/],
  ['answers wrongly', ['cat'], /an invalid answer: an answer without an outcome, 3 times without a valid answer$/],
] as const) {
  test(`a program that always ${what} ends the role with its third message`, async () => {
    await using({ command }, async (ask) => {
      const outcomes = [await ask('a'), await ask('b'), await ask('c')];
      assert.equal(
        outcomes.map(({ type }) => type),
        ['retry', 'retry', 'stop'],
      );
      const [last] = outcomes.slice(2);
      assert.match(last?.type === 'stop' ? last.error.message : '', message);
    });
  });
}

for (const body of ['exit 1', 'kill SIGSEGV']) {
  test(`counts attempts of a message that ends every process ("${body}")`, async () => {
    const handler = await makeExecLines({ ...lines, pauseMs: () => 0 }, makeHost());
    for (let time = 0; time < 4; time += 1) {
      assert.is((await handler.handle(makeMessage(body), { signal: never })).type, 'retry');
    }
    await handler.close();
  });
}

test('a program that cannot start again ends the role', async () => {
  const file = join(temporary, 'broken');
  const script = `[ -e ${file} ] && exit 5; while read -r line; do touch ${file}; case $line in *die*) exit 5;; esac; echo "\${line%%,*},\\"outcome\\":\\"ack\\"}"; done`;
  const handler = await makeExecLines({ ...lines, execLines: ['sh', '-c', script], pauseMs: () => 0 }, makeHost());
  const types: string[] = [];
  for (const body of ['one', 'die', 'two']) {
    types.push((await handler.handle(makeMessage(body), { signal: never })).type);
  }
  assert.equal(types, ['ack', 'retry', 'stop']);
  await handler.close();
});

const linux = process.platform === 'linux' ? test : test.skip;

for (const size of [1, 2]) {
  linux(`uses no attempt while mq has no free descriptor (messages in a call: ${size})`, async () => {
    const stderr = textSink();
    const options = size > 1 ? { batch: { size, waitMs: 1 } } : {};
    const handler = await make({ host: makeHost({ stderr, graceMs: 200 }), options, concurrency: 2 });
    const abandon = new AbortController();
    const ask = (body: string, signal: AbortSignal) =>
      Array.from({ length: size }, () => handler.handle(makeMessage(body), { signal }));
    const outcomes = await withoutDescriptors(async (free) => {
      const hanging = ask('hang', abandon.signal);
      const waiting = ask('say {"id":ID,"outcome":"ack"}', never);
      await stderr.until('too many open files; mq tries again');
      free();
      const acked = await Promise.all(waiting);
      abandon.abort();
      return [...acked, ...(await Promise.all(hanging))];
    });
    await handler.close();
    assert.equal(outcomes, [...Array(size).fill({ type: 'ack' }), ...Array(size).fill(handBack)]);
    assert.is(stderr.text.trim().split('\n').length, 1, stderr.text);
  });
}

linux('uses a process that becomes free while another one cannot start', async () => {
  const stderr = textSink();
  const plan = { ...lines, isReply: true, processes: 2, pauseMs: () => 2 ** 30 };
  const handler = await makeExecLines(plan, makeHost({ stderr, graceMs: 200 }));
  const ask = async (body: string) => replyText(await handler.handle(makeMessage(body), { signal: never }));
  const replies = await withoutDescriptors(async () => {
    const first = ask('pid');
    const second = ask('pid');
    await stderr.until('too many open files');
    return Promise.all([first, second]);
  });
  await handler.close();
  assert.ok(Number(replies[1]) > 0, JSON.stringify(replies));
});

linux('ends the role if no process can be started within the deadline', async () => {
  const handler = await makeExecLines({ ...lines, processes: 2, timeoutMs: 300, pauseMs: () => 50 }, makeHost());
  const abandon = new AbortController();
  const outcome = await withoutDescriptors(async () => {
    const first = handler.handle(makeMessage('hang'), { signal: abandon.signal });
    const second = await handler.handle(makeMessage('served'), { signal: never });
    abandon.abort();
    await first;
    return second;
  });
  await handler.close();
  assert.ok(outcome.type === 'stop' && outcome.error.code === 'SYSTEM', JSON.stringify(outcome));
  assert.is(outcome.error.message, `cannot run ${node}: too many open files`);
});

test('a program that has answered once never ends the role', async () => {
  await using({}, async (ask) => {
    await ask('served');
    for (let time = 0; time < 4; time += 1) assert.is((await ask('exit 1')).type, 'retry');
  });
});

test('hands the message back and ends the process when it is aborted', async () => {
  const handler = await make({ args: ['deaf'], host: makeHost({ graceMs: 200 }) });
  try {
    const pid = Number(replyText(await handler.handle(makeMessage('pid'), { signal: never })));
    const abandon = new AbortController();
    const outcome = handler.handle(makeMessage('hang'), { signal: abandon.signal });
    abandon.abort();
    assert.equal(await outcome, handBack);
    assert.not(isRunning(pid));
  } finally {
    await handler.close();
  }
});

test('close ends the input, then sends SIGTERM, then SIGKILL', async () => {
  for (const args of [[], ['stay'], ['deaf']]) {
    const handler = await make({ args, host: makeHost({ graceMs: 200 }) });
    const pid = Number(replyText(await handler.handle(makeMessage('pid'), { signal: never })));
    assert.ok(isRunning(pid));
    await handler.close();
    assert.not(isRunning(pid), args.join());
  }
});

test('ends the grandchildren of a process that does not exit', async () => {
  const script =
    'sleep 1000 & while read line; do id=${line#*:}; echo "{\\"id\\":${id%%,*},\\"outcome\\":\\"ack\\",\\"reply\\":\\"$!\\"}"; done; wait';
  const handler = await make({ command: ['sh', '-c', script], host: makeHost({ graceMs: 200 }) });
  const pid = Number(replyText(await handler.handle(makeMessage(''), { signal: never })));
  assert.ok(isRunning(pid));
  await handler.close();
  await until('the grandchild has ended', () => !isRunning(pid));
});

test('replaces a process after a number of messages, without a pause', async () => {
  await using({ options: { recycleAfter: { messages: 2 } } }, async (ask) => {
    const pids: (string | undefined)[] = [];
    for (let turn = 0; turn < 5; turn++) pids.push(replyText(await ask('pid')));
    assert.equal(
      [pids[0] === pids[1], pids[1] === pids[2], pids[2] === pids[3], pids[3] === pids[4]],
      [true, false, true, false],
    );
  });
});

test('replaces a process that uses too much memory', async () => {
  if (process.platform !== 'linux') return;
  await using({ options: { recycleAfter: { bytes: 300e6 } } }, async (ask) => {
    const small = replyText(await ask('pid'));
    const large = replyText(await ask('grow 400000000'));
    const next = replyText(await ask('pid'));
    assert.equal([small === large, large === next], [true, false]);
  });
});

test('all messages share one signal with one listener, also those that waited', async () => {
  const any = mock.method(AbortSignal, 'any');
  const handler = await makeExecLines({ ...lines, isReply: true }, makeHost());
  try {
    const outcomes = await Promise.all(
      ['a', 'b', 'c'].map(() => handler.handle(makeMessage('served'), { signal: never })),
    );
    assert.equal(outcomes.map(replyText), ['1', '2', '3']);
    const listeners = any.mock.calls.map(({ result }) => getEventListeners(result as AbortSignal, 'abort').length);
    assert.equal(listeners, [1]);
  } finally {
    any.mock.restore();
    await handler.close();
  }
});

for (const [script, says] of [
  ['while read -r line; do :; done', /^sh: no answer within 0\.01 s, stdout received: nothing: .*flush/],
  [
    'printf half; echo begun >&2; while read -r line; do :; done',
    /^sh: no answer within 0\.01 s, stdout received: 4 bytes without a newline/m,
  ],
] as const) {
  test(`reports once what to check if a program does not answer: ${script}`, async () => {
    const stderr = textSink();
    const plan = { ...lines, execLines: ['sh', '-c', script], noticeMs: 10 };
    const handler = await makeExecLines(plan, makeHost({ stderr }));
    const giveUp = new AbortController();
    const outcome = handler.handle(makeMessage(), { signal: giveUp.signal });
    await stderr.until('no answer within');
    assert.match(stderr.text, says);
    giveUp.abort();
    await outcome;
    await handler.close();
  });
}

test.run();
