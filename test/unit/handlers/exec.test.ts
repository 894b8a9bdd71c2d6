import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EnvironmentPlan } from '../../../src/handlers/environment.ts';
import type { Handler, HandlerHost, Outcome } from '../../../src/handlers/handler.ts';
import { type HandlerOptions, makeHandler } from '../../../src/handlers/make.ts';
import { replaceTime, time } from '../../../src/time.ts';
import {
  folder,
  handleOne,
  makeHost,
  makeMessage,
  rejection,
  replyText,
  textSink,
} from '../../fixtures/handlers/host.ts';
import { withoutDescriptors } from '../../fixtures/handlers/shortage.ts';
import { node } from '../../support/node.ts';

const handBack = { type: 'hand-back' };
const never = new AbortController().signal;
const temporary = mkdtempSync(join(tmpdir(), 'mq-exec-'));
test.after(() => rmSync(temporary, { recursive: true }));

function makeExec(exec: readonly string[], host: HandlerHost, options: Partial<HandlerOptions> = {}): Promise<Handler> {
  return makeHandler({ exec }, host, { behaviour: 'consume', ...options });
}

const asReply = { behaviour: 'reply' } as const;

/** Reports whether a process is running. A zombie is not. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function untilEnded(pid: number): Promise<void> {
  for (let turn = 0; isRunning(pid); turn++) {
    if (turn > 1e5) throw new Error(`the process ${pid} is still running`);
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
  test(`the outcome of exit status ${status} is ${JSON.stringify(outcome)}`, async () => {
    assert.equal(await handleOne(await makeExec(['./status.sh', String(status)], makeHost())), outcome);
  });
}

for (const status of [126, 127]) {
  test(`exit status ${status} ends the role, because a program cannot run`, async () => {
    const outcome = await handleOne(await makeExec(['./status.sh', String(status)], makeHost()));
    assert.is(outcome.type === 'stop' && outcome.error.code, 'SYSTEM');
  });
}

for (const signal of ['HUP', 'INT', 'QUIT', 'ABRT', 'KILL', 'SEGV', 'PIPE', 'TERM', 'USR1']) {
  test(`retries a message whose child SIG${signal} ends`, async () => {
    const outcome = await handleOne(await makeExec(['./signal.sh', signal], makeHost()));
    const mark = signal === 'INT' || signal === 'TERM' ? { wasTerminated: true } : {};
    assert.equal(outcome, { type: 'retry', reason: `signal SIG${signal}`, ...mark });
  });
}

test('exit status 79 hands the message back and ends the role', async () => {
  const outcome = await handleOne(await makeExec(['./status.sh', '79'], makeHost()));
  assert.is(outcome.type, 'stop');
  assert.is(outcome.type === 'stop' && outcome.error.code, 'ANSWER_NO');
});

test('passes the body unchanged as stdin, and replies with stdout', async () => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
  const outcome = await handleOne(await makeExec(['cat'], makeHost(), asReply), makeMessage(body));
  assert.equal(outcome, { type: 'ack', reply: { body } });
});

test('replies with an empty body if a child prints nothing', async () => {
  assert.is(replyText(await handleOne(await makeExec(['true'], makeHost(), asReply))), '');
});

test('runs the command without a shell and without parts of the message', async () => {
  const handler = await makeExec(['printf', '%s|', '$HOME', '`id`', '*', 'a b'], makeHost(), asReply);
  assert.is(replyText(await handleOne(handler, makeMessage('; rm -rf'))), '$HOME|`id`|*|a b|');
});

test('escapes control characters of a child on a terminal', async () => {
  const terminal = () => Object.assign(textSink(), { isTTY: true });
  const host = makeHost({ stdout: terminal(), stderr: terminal() });
  const hostile = makeMessage('\u001b]0;owned\u0007\u009b2Jé\t1\n');
  await handleOne(await makeExec(['cat'], host), hostile);
  await handleOne(await makeExec(['sh', '-c', 'cat >&2'], host), hostile);
  for (const { text } of [host.stdout, host.stderr]) assert.is(text, '\\x1b]0;owned\\x07\\x9b2Jé\t1\n');
});

test('prints a character on a terminal whose bytes arrive in two pieces', async () => {
  const terminal = () => Object.assign(textSink(), { isTTY: true });
  const host = makeHost({ stdout: terminal(), stderr: terminal() });
  // The characters have two bytes and start at an odd offset, so each piece from the pipe ends within a character.
  const text = `a${'é'.repeat(1_500_000)}`;
  const script = `for (const stream of [process.stdout, process.stderr]) stream.write('a' + 'é'.repeat(1_500_000));`;
  assert.equal(await handleOne(await makeExec([node, '-e', script], host)), { type: 'ack' });
  for (const output of [host.stdout, host.stderr]) assert.ok(output.text === text, 'the text is the same');
});

test('prints an incomplete character at the end as U+FFFD on a terminal', async () => {
  const stderr = Object.assign(textSink(), { isTTY: true });
  await handleOne(await makeExec(['sh', '-c', "printf 'a\\303' >&2"], makeHost({ stderr })));
  assert.is(stderr.text, 'a\ufffd');
});

test('prints stdout and stderr of a child', async () => {
  const host = makeHost();
  await handleOne(await makeExec(['sh', '-c', 'echo out; echo err >&2; printf end; exit 1'], host));
  assert.is(host.stdout.text, 'out\nend');
  assert.is(host.stderr.text, 'err\n');
});

test('prints lines of stdout while the child runs, and the rest at its end', async () => {
  const stdout = textSink();
  const handler = await makeExec(['sh', '-c', 'echo begun; printf "no end"; read line; echo'], makeHost({ stdout }));
  const giveUp = new AbortController();
  const long = ['sh', '-c', 'echo begun; exec sleep 600'];
  const waiting = (await makeExec(long, makeHost({ stdout }))).handle(makeMessage(), { signal: giveUp.signal });
  await stdout.until('begun\n');
  giveUp.abort();
  await waiting;
  await handleOne(handler);
  assert.is(stdout.text, 'begun\nbegun\nno end\n');
});

test('lines of concurrent children never mix, even if they write much', async () => {
  const host = makeHost();
  const handler = await makeExec(['sh', '-c', 'yes $MQ_TYPE$MQ_TYPE$MQ_TYPE$MQ_TYPE | head -c 3000000'], host);
  const types = ['aaaaa', 'bbbbbbb', 'ccccccccccc'];
  await Promise.all(types.map((type) => handler.handle(makeMessage('', { properties: { type } }), { signal: never })));
  const kinds = new Set(host.stdout.text.split('\n'));
  for (const type of types) assert.ok(kinds.delete(type.repeat(4)), type);
  // Only the last line of each child is incomplete, because head cuts it.
  assert.ok(kinds.size <= 4, [...kinds].join());
  assert.is(host.stdout.text.length, 9_000_000);
  await handler.close();
});

test('accepts the status of a child that closes stdin and descriptor 3 early', async () => {
  const outcome = await handleOne(await makeExec(['./deaf.sh'], makeHost(), asReply), makeMessage(Buffer.alloc(5e6)));
  assert.is(replyText(outcome), 'done\n');
});

test('acknowledges a message of 5 MB whose child exits without reading it', async () => {
  const outcome = await handleOne(await makeExec(['true'], makeHost()), makeMessage(Buffer.alloc(5e6)));
  assert.equal(outcome, { type: 'ack' });
});

test('pauses a child whose output is not read, with at most 3 MB in memory', async () => {
  const script = 'for number in $(seq 20); do head -c 1000000 /dev/zero; echo $number >&2; done';
  const stderr = textSink();
  let bytes = 0;
  let mostHeld = 0;
  const stdout: Writable = new Writable({
    write(chunk: Buffer, _encoding, done) {
      // The child writes the number of megabytes to stderr after each megabyte.
      const written = 1e6 * Number(stderr.text.trim().split('\n').at(-1));
      mostHeld = Math.max(mostHeld, written - bytes, stdout.writableLength);
      const isFirst = bytes === 0;
      bytes += chunk.length;
      // The first write lasts as long as three runs of the same program with a fast reader.
      if (isFirst) execFile('sh', ['-c', `(${script}; ${script}; ${script}) >/dev/null 2>&1`], () => done());
      else done();
    },
  });
  const handler = await makeExec(['sh', '-c', script], makeHost({ stdout, stderr }));
  assert.equal(await handleOne(handler), { type: 'ack' });
  assert.is(bytes, 20_000_000);
  assert.ok(mostHeld < 3e6, `${mostHeld} bytes in memory`);
});

test('accepts a reply of 16 MiB, and dead-letters a larger one', async () => {
  const most = 16 * 1024 * 1024;
  const fits = await handleOne(await makeExec(['head', '-c', String(most), '/dev/zero'], makeHost(), asReply));
  assert.is(fits.type === 'ack' && fits.reply?.body.length, most);
  const dead = { type: 'dead-letter', reason: 'the reply is larger than 16 MiB' };
  const over = await makeExec(['head', '-c', String(most + 1), '/dev/zero'], makeHost(), asReply);
  assert.equal(await handleOne(over), dead);
  assert.equal(await handleOne(await makeExec(['yes'], makeHost(), asReply)), dead);
});

test('stops the role and an endless child if stdout cannot be written', async () => {
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done(new Error('broken pipe')) });
  stdout.on('error', () => {});
  const outcome = await handleOne(await makeExec(['yes'], makeHost({ stdout })));
  assert.is(outcome.type === 'stop' && outcome.error.code, 'IO');
});

test('ends a child and its group at the deadline, and retries the message', async () => {
  const host = makeHost({ timeoutMs: 200 });
  assert.equal(await handleOne(await makeExec(['./hang.sh'], host)), {
    type: 'retry',
    reason: 'the handler did not end within 0.2 s',
  });
  const [, pid] = /ready (\d+)/.exec(host.stderr.text) ?? [];
  assert.not(isRunning(Number(pid)));
});

test('kills a child that ignores SIGTERM, and the child of that child', async () => {
  const host = makeHost({ graceMs: 100 });
  const handler = await makeExec(['./stubborn.sh'], host);
  const giveUp = new AbortController();
  const outcome = handler.handle(makeMessage(), { signal: giveUp.signal });
  await host.stderr.until('\n');
  giveUp.abort('SIGTERM');
  assert.equal(await outcome, handBack);
  await handler.close();
  const pids = /ready (\d+) (\d+)/.exec(host.stderr.text)?.slice(1) ?? [];
  assert.is(pids.length, 2);
  for (const pid of pids) await untilEnded(Number(pid));
});

test('hands a message back if its child ends with 0 after SIGTERM', async () => {
  const host = makeHost();
  const handler = await makeExec(['./polite.sh'], host);
  const giveUp = new AbortController();
  const outcome = handler.handle(makeMessage(), { signal: giveUp.signal });
  await host.stderr.until('ready');
  giveUp.abort('SIGTERM');
  assert.equal(await outcome, handBack);
  await handler.close();
});

test('close kills running children, and no child starts after it', async () => {
  const host = makeHost({ graceMs: 60_000 });
  const handler = await makeExec(['./stubborn.sh'], host);
  const outcome = handler.handle(makeMessage(), { signal: never });
  await host.stderr.until('\n');
  await handler.close();
  assert.equal(await outcome, handBack);
  for (const pid of /ready (\d+) (\d+)/.exec(host.stderr.text)?.slice(1) ?? []) await untilEnded(Number(pid));
  assert.equal(await handler.handle(makeMessage(), { signal: never }), handBack);
});

for (const program of ['./grandchild.sh', './daemon.sh']) {
  test(`a grandchild of ${program} with an open stdout does not delay a message`, async () => {
    const outcome = await handleOne(await makeExec([program], makeHost(), asReply));
    const pid = Number(/\d+/.exec(replyText(outcome) ?? '')?.[0]);
    assert.ok(isRunning(pid), `${replyText(outcome)} should still run after its parent`);
    process.kill(pid, 'SIGKILL');
  });
}

test('a grandchild that never stops writing does not delay the message', async () => {
  const host = makeHost();
  const handler = await makeExec(['sh', '-c', '(while echo x; do :; done) & echo $! >&2'], host);
  assert.equal(await handleOne(handler), { type: 'ack' });
  // mq has closed its output, so SIGPIPE or the failed echo ends the grandchild.
  await untilEnded(Number(host.stderr.text));
});

test('descriptor 3 has the whole message as JSON', async () => {
  const message = makeMessage('grüße\0', {
    fields: { exchange: 'logs', routingKey: 'a.b', redelivered: true, queue: 'q' },
    properties: { messageId: 'm1', timestamp: 5, deliveryMode: 2 },
    headers: { text: 'a\0b', count: 3, big: 2n ** 60n, bytes: Buffer.from([255]), list: [1, { deep: null }] },
    attempt: 4,
  });
  const outcome = await handleOne(await makeExec(['./descriptor3.sh'], makeHost(), asReply), message);
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
  const outcome = await handleOne(await makeExec(['./descriptor3.sh'], makeHost(), asReply), message);
  const json = JSON.parse(replyText(outcome) ?? '') as Record<string, unknown>;
  assert.is(json['body'], 'AP8=');
  assert.is(json['encoding'], 'base64');
  assert.is(Object.keys(json['headers'] as object).join(), '__proto__,nest');
});

async function environmentOf(host: HandlerHost, message = makeMessage(), environment: EnvironmentPlan = {}) {
  const handler = await makeExec(['./environment.sh'], host, { ...asReply, environment });
  const lines = (replyText(await handleOne(handler, message)) ?? '').split('\n');
  const variables = lines.filter((line) => !/^(PWD|OLDPWD|SHLVL|_|PYTHONUNBUFFERED)=|^$/.test(line));
  return Object.fromEntries(variables.map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

test('a child gets the environment and the variables of its message', async () => {
  const { PATH } = makeHost().env;
  const mine = { PATH, HOME: '/h', DATABASE_URL: 'postgres://u:p@h/d', EXTRA: 'x' };
  const env = { ...mine, MQ_URL: 'amqp://u:secret@h', MQ_PASSWORD: 'secret', MQ_QUEUE: 'theirs' };
  assert.equal(await environmentOf(makeHost({ env })), {
    ...mine,
    ...{ MQ_EXCHANGE: '', MQ_ROUTING_KEY: 'jobs', MQ_QUEUE: 'jobs', MQ_REDELIVERED: 'false', MQ_ATTEMPT: '1' },
  });
  const clean = await environmentOf(makeHost({ env }), makeMessage(), { isClean: true, pass: ['EXTRA'] });
  assert.equal([clean['EXTRA'], clean['DATABASE_URL']], ['x', undefined]);
});

test('passes properties, and plain headers with a valid name, as variables', async () => {
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
  const { PATH, ...variables } = await environmentOf(makeHost(), message);
  assert.equal(variables, {
    ...{ MQ_EXCHANGE: 'e', MQ_ROUTING_KEY: 'r', MQ_QUEUE: 'q', MQ_REDELIVERED: 'true', MQ_ATTEMPT: '2' },
    ...{ MQ_MESSAGE_ID: 'm', MQ_CORRELATION_ID: 'c', MQ_CONTENT_TYPE: 't', MQ_CONTENT_ENCODING: 'ce', MQ_TYPE: 'ty' },
    ...{ MQ_APP_ID: 'a', MQ_USER_ID: 'u', MQ_TIMESTAMP: '1', MQ_PRIORITY: '2', MQ_REPLY_TO: 'rt', MQ_EXPIRATION: '3' },
    ...{ MQ_DELIVERY_MODE: '2', MQ_HEADER_X_RETRY_COUNT: '3', MQ_HEADER_NAME: 'n', MQ_HEADER_YES: 'true' },
    ...{ MQ_HEADER_AFTER: 'there' },
  });
});

test('if several headers map to one variable, the first by name is used', async () => {
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
    const variables = await environmentOf(makeHost(), makeMessage('', { headers: Object.fromEntries(ordered) }));
    assert.equal([variables['MQ_HEADER_TENANT'], variables['MQ_HEADER_A_B']], ['A', 'dash']);
    // A variable cannot contain a table.
    assert.is(variables['MQ_HEADER_X'], 'text');
  }
});

test('starts the child despite ten thousand headers of one kilobyte', async () => {
  const entries = Array.from({ length: 10_000 }, (_, index) => [`h${index}`, 'x'.repeat(1000)] as const);
  const variables = await environmentOf(makeHost(), makeMessage('', { headers: Object.fromEntries(entries) }));
  assert.is(Object.keys(variables).filter((name) => name.startsWith('MQ_HEADER_H')).length, 64);
});

test('runs an executable text without a first line as a shell script', async () => {
  const file = join(temporary, 'script');
  writeFileSync(file, 'echo $0 $1; exit 3\n', { mode: 0o755 });
  const host = makeHost();
  const outcome = await handleOne(await makeExec([file, 'one'], host));
  assert.equal([outcome.type, host.stdout.text], ['dead-letter', `${file} one\n`]);
});

test('refuses a missing command, a folder, and a file that is not executable', async () => {
  for (const [command, reason] of [
    ['./no-such.sh', 'no such file'],
    ['/no/such/folder/x', 'no such file'],
    ['./status.sh/x', 'no such file'],
    ['no-such-command', 'no such command on PATH'],
    ['status.sh', 'no such command on PATH'],
    ['../handlers', 'not a file'],
    ['./not-executable.sh', 'not executable'],
  ] as const) {
    const error = await rejection(makeExec([command], makeHost()));
    assert.is(error.code, 'SYSTEM');
    assert.is(error.message, `cannot run ${command}: ${reason}`);
    assert.ok(error.hint);
  }
  assert.is((await rejection(makeExec(['./not-executable.sh'], makeHost()))).hint, 'chmod +x ./not-executable.sh');
});

/** Creates a folder with an executable file `job` that contains the text. */
function withScript(text: string): string {
  const cwd = mkdtempSync(join(temporary, 'script-'));
  writeFileSync(join(cwd, 'job'), text, { mode: 0o755 });
  return cwd;
}

for (const [title, text, reason] of [
  [
    'a Windows line ending',
    '#!/bin/sh\r\nexit 0\r\n',
    /cannot run \.\/job: its first line ends with a carriage return/,
  ],
  ['a missing interpreter', '#!/no/such/sh\n', /cannot run \.\/job: its interpreter \/no\/such\/sh is missing/],
  [
    'an interpreter not on PATH',
    '#!/usr/bin/env no-such\n',
    /cannot run \.\/job: its interpreter no-such is not on PATH/,
  ],
] as const) {
  test(`refuses a script with ${title} before any message`, async () => {
    const { code, message, hint } = await rejection(makeExec(['./job'], makeHost({ cwd: withScript(text) })));
    assert.is(code, 'SYSTEM');
    assert.match(message, reason);
    assert.ok(hint);
  });
}

test('refuses an interpreter whose script is missing', async () => {
  for (const exec of [
    ['python3', 'no-such.py'],
    ['python3', '-u', 'no-such.py'],
    ['sh', './no-such'],
  ]) {
    const host = makeHost();
    const { PATH = '' } = host.env;
    const cwd = withScript('');
    writeFileSync(join(cwd, 'python3'), '', { mode: 0o755 });
    const { message } = await rejection(makeExec(exec, { ...host, cwd, env: { PATH: `${cwd}:${PATH}` } }));
    assert.is(message, `cannot run ${exec.at(-1)} with ${exec[0]}: no such file`);
  }
  for (const exec of [['sh', '-c', 'exit 0'], ['sh', 'status.sh', '0'], ['sh']]) {
    assert.equal(await handleOne(await makeExec(exec, makeHost())), { type: 'ack' });
  }
});

test('a command line that is quoted as one word has a hint without quotes', async () => {
  const { message, hint } = await rejection(makeExec(['python3 x.py'], makeHost()));
  assert.match(message, /are quoted as one word$/);
  assert.match(String(hint), /--exec python3 x\.py/);
});

test('exec without a command is a usage error', async () => {
  for (const exec of [[], [''], ['echo', 'a\0b']]) {
    assert.is((await rejection(makeExec(exec, makeHost()))).code, 'USAGE');
  }
});

test("finds a command on PATH, and one with a slash in the handler's folder", async () => {
  const onPath = await makeExec(['status.sh', '0'], makeHost({ cwd: '/', env: { PATH: `/nowhere:${folder}` } }));
  assert.equal(await handleOne(onPath), { type: 'ack' });
  const inFolder = await makeExec(['./status.sh', '0'], makeHost({ cwd: folder }));
  assert.equal(await handleOne(inFolder), { type: 'ack' });
});

test('stops the role and keeps the message if the executable is deleted', async () => {
  const program = join(temporary, 'vanishes.sh');
  copyFileSync(join(folder, 'status.sh'), program);
  const handler = await makeExec([program, '0'], makeHost());
  rmSync(program);
  const outcome = await handleOne(handler);
  assert.is(outcome.type === 'stop' && outcome.error.code, 'SYSTEM');
});

test('dead-letters a message if its argument list is too long for the system', async () => {
  const outcome = await handleOne(await makeExec(['true', 'x'.repeat(140_000)], makeHost()));
  assert.equal(outcome, { type: 'dead-letter', reason: 'cannot run true: argument list too long' });
});

const linux = process.platform === 'linux' ? test : test.skip;

linux('uses no attempt while mq has no free descriptor', async () => {
  const stderr = textSink();
  const handler = await makeExec(['cat'], makeHost({ stderr }), asReply);
  const bodies = ['a', 'b', 'c'];
  const outcomes = await withoutDescriptors(async (free) => {
    const all = bodies.map((body) => handler.handle(makeMessage(body), { signal: never }));
    await stderr.until('cannot run cat: too many open files; mq tries again');
    free();
    return Promise.all(all);
  });
  await handler.close();
  assert.equal(outcomes.map(replyText), bodies);
  assert.is(stderr.text.trim().split('\n').length, 1, stderr.text);
});

linux('ends the role if mq has no free descriptor until the deadline', async () => {
  const handler = await makeExec(['cat'], makeHost({ timeoutMs: 300 }));
  const outcome = await withoutDescriptors(async () => handler.handle(makeMessage(), { signal: never }));
  await handler.close();
  assert.ok(outcome.type === 'stop' && outcome.error.code === 'SYSTEM', JSON.stringify(outcome));
  assert.is(outcome.error.message, 'cannot run cat: too many open files');
});

/** Runs hang.sh, whose first start fails after this time on the clock. Returns the outcome and the number of starts. */
async function afterShortage(timeoutMs: number, waitedMs: number): Promise<{ outcome: Outcome; starts: number }> {
  let [now, starts] = [0, 0];
  const restore = replaceTime({ ...time, now: () => now });
  const spawnLater: HandlerHost['spawn'] = (...args) => {
    starts += 1;
    if (starts > 1) return spawn(...args);
    now += waitedMs;
    throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM', errno: -constants.errno.ENOMEM });
  };
  try {
    const { native: _, ...host } = makeHost({ timeoutMs, graceMs: 100, spawn: spawnLater });
    return { outcome: await handleOne(await makeExec(['./hang.sh'], host)), starts };
  } finally {
    restore();
  }
}

test('ends the role if a program starts too late for its deadline', async () => {
  const { outcome, starts } = await afterShortage(400, 201);
  assert.is(outcome.type === 'stop' && outcome.error.message, 'cannot run ./hang.sh: not enough memory');
  assert.is(starts, 2);
  const brief = await afterShortage(400, 199);
  assert.equal(brief.outcome, { type: 'retry', reason: 'the handler did not end within 0.4 s' });
});

test('starts no program after the deadline', async () => {
  const { outcome, starts } = await afterShortage(10, 0);
  assert.equal([outcome.type, starts], ['stop', 1]);
});

linux('hands a message back that waits for a free descriptor when it is aborted', async () => {
  const stderr = textSink();
  const handler = await makeExec(['cat'], makeHost({ stderr }));
  const abandon = new AbortController();
  const outcomes = await withoutDescriptors(async () => {
    const all = ['a', 'b'].map((body) => handler.handle(makeMessage(body), { signal: abandon.signal }));
    await stderr.until('too many open files');
    abandon.abort();
    return Promise.all(all);
  });
  await handler.close();
  assert.equal(outcomes, [handBack, handBack]);
});

test('prints stderr of a child while the child runs', async () => {
  const stderr = textSink();
  const handler = await makeExec(['./hang.sh'], makeHost({ stderr }));
  const outcome = handler.handle(makeMessage(), { signal: never });
  await stderr.until('ready');
  await handler.close();
  assert.equal(await outcome, handBack);
});

test.run();
