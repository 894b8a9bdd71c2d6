import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EnvironmentPlan } from '../../../src/handlers/environment.ts';
import type { Handler, HandlerWorld } from '../../../src/handlers/handler.ts';
import { type HandlerPlace, makeHandler } from '../../../src/handlers/make.ts';
import {
  folder,
  handleOne,
  keep,
  makeMessage,
  makeWorld,
  rejection,
  replyText,
} from '../../fixtures/handlers/world.ts';
import { node } from '../../support/node.ts';

const handBack = { type: 'hand-back' };
const never = new AbortController().signal;
const temporary = mkdtempSync(join(tmpdir(), 'mq-exec-'));
test.after(() => rmSync(temporary, { recursive: true }));

function makeExec(exec: readonly string[], world: HandlerWorld, place: Partial<HandlerPlace> = {}): Promise<Handler> {
  return makeHandler({ exec }, world, { behaviour: 'consume', ...place });
}

const asReply = { behaviour: 'reply' } as const;

/** Reports whether a process is running. A zombie is not. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  for (let turn = 0; lives(pid); turn++) {
    if (turn > 1e5) throw new Error(`${pid} is still there`);
    await new Promise(setImmediate);
  }
}

for (const [status, outcome] of [
  [0, { type: 'ack' }],
  [1, { type: 'retry', reason: 'exit status 1' }],
  [2, { type: 'retry', reason: 'exit status 2' }],
  [3, { type: 'dead-letter', reason: 'exit status 3' }],
  [4, { type: 'requeue', reason: 'exit status 4' }],
  [5, { type: 'dead-letter', reason: 'exit status 5' }],
  [6, { type: 'requeue', reason: 'exit status 6' }],
  [7, { type: 'retry', reason: 'exit status 7' }],
  [75, { type: 'retry', reason: 'exit status 75' }],
  [130, { type: 'retry', reason: 'exit status 130', wasTerminated: true }],
  [143, { type: 'retry', reason: 'exit status 143', wasTerminated: true }],
  [255, { type: 'retry', reason: 'exit status 255' }],
] as const) {
  test(`exit status ${status} is ${JSON.stringify(outcome)}`, async () => {
    assert.equal(await handleOne(await makeExec(['./status.sh', String(status)], makeWorld())), outcome);
  });
}

for (const status of [126, 127]) {
  test(`exit status ${status} ends the role: a program cannot run`, async () => {
    const outcome = await handleOne(await makeExec(['./status.sh', String(status)], makeWorld()));
    assert.is(outcome.type === 'stop' && outcome.error.code, 'SYSTEM');
  });
}

for (const signal of ['HUP', 'INT', 'QUIT', 'ABRT', 'KILL', 'SEGV', 'PIPE', 'TERM', 'USR1']) {
  test(`a child that dies of SIG${signal} is tried again`, async () => {
    const outcome = await handleOne(await makeExec(['./signal.sh', signal], makeWorld()));
    const mark = signal === 'INT' || signal === 'TERM' ? { wasTerminated: true } : {};
    assert.equal(outcome, { type: 'retry', reason: `signal SIG${signal}`, ...mark });
  });
}

test('exit status 79 hands the message back and ends the role', async () => {
  const outcome = await handleOne(await makeExec(['./status.sh', '79'], makeWorld()));
  assert.is(outcome.type, 'stop');
  assert.is(outcome.type === 'stop' && outcome.error.code, 'ANSWER_NO');
});

test('the body is stdin, byte for byte, and stdout the reply', async () => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
  const outcome = await handleOne(await makeExec(['cat'], makeWorld(), asReply), makeMessage(body));
  assert.equal(outcome, { type: 'ack', reply: { body } });
});

test('replies with an empty body if a child prints nothing', async () => {
  assert.is(replyText(await handleOne(await makeExec(['true'], makeWorld(), asReply))), '');
});

test('no shell reads the command, and nothing of the message is in it', async () => {
  const handler = await makeExec(['printf', '%s|', '$HOME', '`id`', '*', 'a b'], makeWorld(), asReply);
  assert.is(replyText(await handleOne(handler, makeMessage('; rm -rf'))), '$HOME|`id`|*|a b|');
});

test('on a terminal control characters of a child are escaped', async () => {
  const terminal = () => Object.assign(keep(), { isTTY: true });
  const world = makeWorld({ stdout: terminal(), stderr: terminal() });
  const hostile = makeMessage('\u001b]0;owned\u0007\u009b2Jé\t1\n');
  await handleOne(await makeExec(['cat'], world), hostile);
  await handleOne(await makeExec(['sh', '-c', 'cat >&2'], world), hostile);
  for (const { text } of [world.stdout, world.stderr]) assert.is(text, '\\x1b]0;owned\\x07\\x9b2Jé\t1\n');
});

test('a terminal shows a character whole whose bytes come in two pieces', async () => {
  const terminal = () => Object.assign(keep(), { isTTY: true });
  const world = makeWorld({ stdout: terminal(), stderr: terminal() });
  // An odd number of bytes before characters of two bytes: each piece from the pipe ends within one.
  const text = `a${'é'.repeat(1_500_000)}`;
  const script = `for (const stream of [process.stdout, process.stderr]) stream.write('a' + 'é'.repeat(1_500_000));`;
  assert.equal(await handleOne(await makeExec([node, '-e', script], world)), { type: 'ack' });
  for (const output of [world.stdout, world.stderr]) assert.ok(output.text === text, 'the text is the same');
});

test('a terminal shows an incomplete character at the end as U+FFFD', async () => {
  const stderr = Object.assign(keep(), { isTTY: true });
  await handleOne(await makeExec(['sh', '-c', "printf 'a\\303' >&2"], makeWorld({ stderr })));
  assert.is(stderr.text, 'a\ufffd');
});

test('stdout and stderr of a child are shown', async () => {
  const world = makeWorld();
  await handleOne(await makeExec(['sh', '-c', 'echo out; echo err >&2; printf end; exit 1'], world));
  assert.is(world.stdout.text, 'out\nend');
  assert.is(world.stderr.text, 'err\n');
});

test('prints lines of stdout while the child runs, and the rest at its end', async () => {
  const stdout = keep();
  const handler = await makeExec(['sh', '-c', 'echo begun; printf "no end"; read line; echo'], makeWorld({ stdout }));
  const giveUp = new AbortController();
  const long = ['sh', '-c', 'echo begun; exec sleep 600'];
  const waiting = (await makeExec(long, makeWorld({ stdout }))).handle(makeMessage(), { signal: giveUp.signal });
  await stdout.until('begun\n');
  giveUp.abort();
  await waiting;
  await handleOne(handler);
  assert.is(stdout.text, 'begun\nbegun\nno end\n');
});

test('lines of concurrent children never mix, however much they write', async () => {
  const world = makeWorld();
  const handler = await makeExec(['sh', '-c', 'yes $MQ_TYPE$MQ_TYPE$MQ_TYPE$MQ_TYPE | head -c 3000000'], world);
  const types = ['aaaaa', 'bbbbbbb', 'ccccccccccc'];
  await Promise.all(types.map((type) => handler.handle(makeMessage('', { properties: { type } }), { signal: never })));
  const kinds = new Set(world.stdout.text.split('\n'));
  for (const type of types) assert.ok(kinds.delete(type.repeat(4)), type);
  // The last line of each, cut by head.
  assert.ok(kinds.size <= 4, [...kinds].join());
  assert.is(world.stdout.text.length, 9_000_000);
  await handler.close();
});

test('accepts the status of a child that closes stdin and descriptor 3 early', async () => {
  const outcome = await handleOne(await makeExec(['./deaf.sh'], makeWorld(), asReply), makeMessage(Buffer.alloc(5e6)));
  assert.is(replyText(outcome), 'done\n');
});

test('a child that reads nothing of 5 MB and ends is acked', async () => {
  const outcome = await handleOne(await makeExec(['true'], makeWorld()), makeMessage(Buffer.alloc(5e6)));
  assert.equal(outcome, { type: 'ack' });
});

test('pauses a child whose output is not read, with at most 3 MB in memory', async () => {
  const script = 'for number in $(seq 20); do head -c 1000000 /dev/zero; echo $number >&2; done';
  const stderr = keep();
  let bytes = 0;
  let mostHeld = 0;
  const stdout: Writable = new Writable({
    write(chunk: Buffer, _encoding, done) {
      // The child writes its number to stderr after each megabyte.
      const written = 1e6 * Number(stderr.text.trim().split('\n').at(-1));
      mostHeld = Math.max(mostHeld, written - bytes, stdout.writableLength);
      const isFirst = bytes === 0;
      bytes += chunk.length;
      // The first write ends when the same program, three times, with a fast reader has ended.
      if (isFirst) execFile('sh', ['-c', `(${script}; ${script}; ${script}) >/dev/null 2>&1`], () => done());
      else done();
    },
  });
  const handler = await makeExec(['sh', '-c', script], makeWorld({ stdout, stderr }));
  assert.equal(await handleOne(handler), { type: 'ack' });
  assert.is(bytes, 20_000_000);
  assert.ok(mostHeld < 3e6, `${mostHeld} bytes held`);
});

test('accepts a reply of 16 MiB, and dead-letters a larger one', async () => {
  const most = 16 * 1024 * 1024;
  const fits = await handleOne(await makeExec(['head', '-c', String(most), '/dev/zero'], makeWorld(), asReply));
  assert.is(fits.type === 'ack' && fits.reply?.body.length, most);
  const dead = { type: 'dead-letter', reason: 'the reply is larger than 16 MiB' };
  const over = await makeExec(['head', '-c', String(most + 1), '/dev/zero'], makeWorld(), asReply);
  assert.equal(await handleOne(over), dead);
  assert.equal(await handleOne(await makeExec(['yes'], makeWorld(), asReply)), dead);
});

test('when stdout is gone the role stops, and an endless child is ended', async () => {
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done(new Error('broken pipe')) });
  stdout.on('error', () => {});
  const outcome = await handleOne(await makeExec(['yes'], makeWorld({ stdout })));
  assert.is(outcome.type === 'stop' && outcome.error.code, 'IO');
});

test('a child past its deadline is ended with its group, and tried again', async () => {
  const world = makeWorld({ timeoutMs: 200 });
  assert.equal(await handleOne(await makeExec(['./hang.sh'], world)), { type: 'retry', reason: 'no end within 0.2 s' });
  const [, pid] = /ready (\d+)/.exec(world.stderr.text) ?? [];
  assert.not(lives(Number(pid)));
});

test('kills a child that ignores TERM, with its own child', async () => {
  const world = makeWorld({ graceMs: 100 });
  const handler = await makeExec(['./stubborn.sh'], world);
  const giveUp = new AbortController();
  const outcome = handler.handle(makeMessage(), { signal: giveUp.signal });
  await world.stderr.until('\n');
  giveUp.abort('SIGTERM');
  assert.equal(await outcome, handBack);
  await handler.close();
  const pids = /ready (\d+) (\d+)/.exec(world.stderr.text)?.slice(1) ?? [];
  assert.is(pids.length, 2);
  for (const pid of pids) await gone(Number(pid));
});

test('hands a message back if its child ends with 0 after SIGTERM', async () => {
  const world = makeWorld();
  const handler = await makeExec(['./polite.sh'], world);
  const giveUp = new AbortController();
  const outcome = handler.handle(makeMessage(), { signal: giveUp.signal });
  await world.stderr.until('ready');
  giveUp.abort('SIGTERM');
  assert.equal(await outcome, handBack);
  await handler.close();
});

test('close kills what is left, and nothing starts after it', async () => {
  const world = makeWorld({ graceMs: 60_000 });
  const handler = await makeExec(['./stubborn.sh'], world);
  const outcome = handler.handle(makeMessage(), { signal: never });
  await world.stderr.until('\n');
  await handler.close();
  assert.equal(await outcome, handBack);
  for (const pid of /ready (\d+) (\d+)/.exec(world.stderr.text)?.slice(1) ?? []) await gone(Number(pid));
  assert.equal(await handler.handle(makeMessage(), { signal: never }), handBack);
});

for (const program of ['./grandchild.sh', './daemon.sh']) {
  test(`what ${program} leaves behind, holding stdout open, does not hold the message`, async () => {
    const outcome = await handleOne(await makeExec([program], makeWorld(), asReply));
    const pid = Number(/\d+/.exec(replyText(outcome) ?? '')?.[0]);
    assert.ok(lives(pid), `${replyText(outcome)} was to outlive its parent`);
    process.kill(pid, 'SIGKILL');
  });
}

test('a grandchild that never stops writing does not hold the message', async () => {
  const world = makeWorld();
  const handler = await makeExec(['sh', '-c', '(while echo x; do :; done) & echo $! >&2'], world);
  assert.equal(await handleOne(handler), { type: 'ack' });
  // Its output is closed: it dies of SIGPIPE or of the failed echo.
  await gone(Number(world.stderr.text));
});

test('descriptor 3 has the whole message as JSON', async () => {
  const message = makeMessage('grüße\0', {
    fields: { exchange: 'logs', routingKey: 'a.b', redelivered: true, queue: 'q' },
    properties: { messageId: 'm1', timestamp: 5, deliveryMode: 2 },
    headers: { text: 'a\0b', count: 3, big: 2n ** 60n, bytes: Buffer.from([255]), list: [1, { deep: null }] },
    attempt: 4,
  });
  const outcome = await handleOne(await makeExec(['./descriptor3.sh'], makeWorld(), asReply), message);
  assert.equal(JSON.parse(replyText(outcome) ?? ''), {
    body: 'grüße\0',
    encoding: 'utf8',
    fields: { exchange: 'logs', routingKey: 'a.b', redelivered: true, queue: 'q' },
    properties: { messageId: 'm1', timestamp: 5, deliveryMode: 2 },
    headers: {
      text: 'a\0b',
      count: 3,
      big: { '!': 'long', value: '1152921504606846976' },
      bytes: { '!': 'binary', base64: '/w==' },
      list: [1, { deep: null }],
    },
    attempt: 4,
  });
});

test('descriptor 3 has a binary body as Base64, and nested headers', async () => {
  let nest: unknown = 1;
  for (let depth = 0; depth < 50_000; depth++) nest = { nest };
  const headers = JSON.parse('{"__proto__": {"polluted": 1}}') as Record<string, unknown>;
  headers['nest'] = nest;
  const message = makeMessage(Buffer.from([0, 255]), { headers });
  const outcome = await handleOne(await makeExec(['./descriptor3.sh'], makeWorld(), asReply), message);
  const told = JSON.parse(replyText(outcome) ?? '') as Record<string, unknown>;
  assert.is(told['body'], 'AP8=');
  assert.is(told['encoding'], 'base64');
  assert.is(Object.keys(told['headers'] as object).join(), '__proto__,nest');
});

async function environmentOf(world: HandlerWorld, message = makeMessage(), environment: EnvironmentPlan = {}) {
  const handler = await makeExec(['./environment.sh'], world, { ...asReply, environment });
  const lines = (replyText(await handleOne(handler, message)) ?? '').split('\n');
  const variables = lines.filter((line) => !/^(PWD|OLDPWD|SHLVL|_|PYTHONUNBUFFERED)=|^$/.test(line));
  return Object.fromEntries(variables.map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

test('a child gets the environment and the variables of its message', async () => {
  const { PATH } = makeWorld().env;
  const mine = { PATH, HOME: '/h', DATABASE_URL: 'postgres://u:p@h/d', EXTRA: 'x' };
  const env = { ...mine, MQ_URL: 'amqp://u:secret@h', MQ_PASSWORD: 'secret', MQ_QUEUE: 'theirs' };
  assert.equal(await environmentOf(makeWorld({ env })), {
    ...mine,
    ...{ MQ_EXCHANGE: '', MQ_ROUTING_KEY: 'jobs', MQ_QUEUE: 'jobs', MQ_REDELIVERED: 'false', MQ_ATTEMPT: '1' },
  });
  const clean = await environmentOf(makeWorld({ env }), makeMessage(), { isClean: true, pass: ['EXTRA'] });
  assert.equal([clean['EXTRA'], clean['DATABASE_URL']], ['x', undefined]);
});

test('each property is a variable, and so is each plain header with a fit name', async () => {
  const message = makeMessage('', {
    fields: { exchange: 'e', routingKey: 'r', redelivered: true, queue: 'q' },
    properties: {
      ...{
        messageId: 'm',
        correlationId: 'c',
        contentType: 't',
        contentEncoding: 'ce',
        type: 'ty',
        appId: 'a',
        userId: 'u',
      },
      ...{ timestamp: 1, priority: 2, replyTo: 'rt', expiration: '3', deliveryMode: 2 },
    },
    headers: {
      ...{
        'x-retry.count': 3,
        Name: 'n',
        yes: true,
        '': 'e',
        'a b': 'f',
        'a=b': 'g',
        ß: 'h',
        ı: 'i',
        'x-retry_count': 'second',
      },
      ...{
        object: {},
        nothing: null,
        list: [1],
        nul: 'a\0b',
        huge: 'x'.repeat(131_072),
        after: 'there',
        'PATH\nA': 'j',
      },
    },
    attempt: 2,
  });
  const { PATH, ...variables } = await environmentOf(makeWorld(), message);
  assert.equal(variables, {
    ...{ MQ_EXCHANGE: 'e', MQ_ROUTING_KEY: 'r', MQ_QUEUE: 'q', MQ_REDELIVERED: 'true', MQ_ATTEMPT: '2' },
    ...{ MQ_MESSAGE_ID: 'm', MQ_CORRELATION_ID: 'c', MQ_CONTENT_TYPE: 't', MQ_CONTENT_ENCODING: 'ce', MQ_TYPE: 'ty' },
    ...{ MQ_APP_ID: 'a', MQ_USER_ID: 'u', MQ_TIMESTAMP: '1', MQ_PRIORITY: '2', MQ_REPLY_TO: 'rt', MQ_EXPIRATION: '3' },
    ...{ MQ_DELIVERY_MODE: '2', MQ_HEADER_X_RETRY_COUNT: '3', MQ_HEADER_NAME: 'n', MQ_HEADER_YES: 'true' },
    ...{ MQ_HEADER_AFTER: 'there' },
  });
});

test('of headers with the same variable the first by name sets it', async () => {
  const entries = [
    ...[
      ['TENANT', 'A'],
      ['tenant', 'b'],
      ['a-b', 'dash'],
      ['a.b', 'dot'],
      ['a_b', 'line'],
    ],
    ...[
      ['X', { nested: true }],
      ['x', 'text'],
    ],
  ] as const;
  for (const ordered of [entries, entries.toReversed()]) {
    const variables = await environmentOf(makeWorld(), makeMessage('', { headers: Object.fromEntries(ordered) }));
    assert.equal([variables['MQ_HEADER_TENANT'], variables['MQ_HEADER_A_B']], ['A', 'dash']);
    // A table has no form as a variable.
    assert.is(variables['MQ_HEADER_X'], 'text');
  }
});

test('ten thousand headers of a kilobyte start the child all the same', async () => {
  const entries = Array.from({ length: 10_000 }, (_, index) => [`h${index}`, 'x'.repeat(1000)] as const);
  const variables = await environmentOf(makeWorld(), makeMessage('', { headers: Object.fromEntries(entries) }));
  assert.is(Object.keys(variables).filter((name) => name.startsWith('MQ_HEADER_H')).length, 64);
});

test('refuses a missing command, a folder or a file that is not executable', async () => {
  for (const [command, reason] of [
    ['./no-such.sh', 'no such file'],
    ['/no/such/folder/x', 'no such file'],
    ['./status.sh/x', 'no such file'],
    ['no-such-command', 'no such command on PATH'],
    ['status.sh', 'no such command on PATH'],
    ['../handlers', 'not a file'],
    ['./not-executable.sh', 'not executable'],
  ] as const) {
    const error = await rejection(makeExec([command], makeWorld()));
    assert.is(error.code, 'SYSTEM');
    assert.is(error.message, `cannot run ${command}: ${reason}`);
    assert.ok(error.hint);
  }
  assert.is((await rejection(makeExec(['./not-executable.sh'], makeWorld()))).hint, 'chmod +x ./not-executable.sh');
});

/** A folder with an executable file of this text. */
function withScript(text: string): string {
  const cwd = mkdtempSync(join(temporary, 'script-'));
  writeFileSync(join(cwd, 'job'), text, { mode: 0o755 });
  return cwd;
}

for (const [title, text, reason] of [
  [
    'a line end of Windows',
    '#!/bin/sh\r\nexit 0\r\n',
    /cannot run \.\/job: its first line ends with a carriage return/,
  ],
  [
    'an interpreter that is missing',
    '#!/no/such/sh\n',
    /cannot run \.\/job: its interpreter \/no\/such\/sh is missing/,
  ],
  [
    'an interpreter not on PATH',
    '#!/usr/bin/env no-such\n',
    /cannot run \.\/job: its interpreter no-such is not on PATH/,
  ],
] as const) {
  test(`a script with ${title} is refused with that reason, before any message`, async () => {
    const { code, message, hint } = await rejection(makeExec(['./job'], makeWorld({ cwd: withScript(text) })));
    assert.is(code, 'SYSTEM');
    assert.match(message, reason);
    assert.ok(hint);
  });
}

test('a script that an interpreter is given must be there', async () => {
  for (const exec of [
    ['python3', 'no-such.py'],
    ['python3', '-u', 'no-such.py'],
    ['sh', './no-such'],
  ]) {
    const world = makeWorld();
    const { PATH = '' } = world.env;
    const cwd = withScript('');
    writeFileSync(join(cwd, 'python3'), '', { mode: 0o755 });
    const { message } = await rejection(makeExec(exec, { ...world, cwd, env: { PATH: `${cwd}:${PATH}` } }));
    assert.is(message, `cannot run ${exec.at(-1)} with ${exec[0]}: no such file`);
  }
  for (const exec of [['sh', '-c', 'exit 0'], ['sh', 'status.sh', '0'], ['sh']]) {
    assert.equal(await handleOne(await makeExec(exec, makeWorld())), { type: 'ack' });
  }
});

test('a command line in one word gets the hint to write the words apart', async () => {
  const { message, hint } = await rejection(makeExec(['python3 x.py'], makeWorld()));
  assert.match(message, /are quoted as one word$/);
  assert.match(String(hint), /--exec python3 x\.py/);
});

test('exec without a command is a usage error', async () => {
  for (const exec of [[], [''], ['echo', 'a\0b']]) {
    assert.is((await rejection(makeExec(exec, makeWorld()))).code, 'USAGE');
  }
});

test("finds a command on PATH, and one with a slash in the handler's folder", async () => {
  const onPath = await makeExec(['status.sh', '0'], makeWorld({ cwd: '/', env: { PATH: `/nowhere:${folder}` } }));
  assert.equal(await handleOne(onPath), { type: 'ack' });
  const inFolder = await makeExec(['./status.sh', '0'], makeWorld({ cwd: folder }));
  assert.equal(await handleOne(inFolder), { type: 'ack' });
});

test('an executable that vanishes stops the role and keeps the message', async () => {
  const program = join(temporary, 'vanishes.sh');
  copyFileSync(join(folder, 'status.sh'), program);
  const handler = await makeExec([program, '0'], makeWorld());
  rmSync(program);
  const outcome = await handleOne(handler);
  assert.is(outcome.type === 'stop' && outcome.error.code, 'SYSTEM');
});

test('an argument list the system does not take is dead-lettered', async () => {
  const outcome = await handleOne(await makeExec(['true', 'x'.repeat(140_000)], makeWorld()));
  assert.equal(outcome, { type: 'dead-letter', reason: 'cannot run true: argument list too long' });
});

test('what a child writes to stderr comes while it runs', async () => {
  const stderr = keep();
  const handler = await makeExec(['./hang.sh'], makeWorld({ stderr }));
  const outcome = handler.handle(makeMessage(), { signal: never });
  await stderr.until('ready');
  await handler.close();
  assert.equal(await outcome, handBack);
});

test.run();
