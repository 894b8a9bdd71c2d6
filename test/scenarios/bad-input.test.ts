// Tests errors of the login, the topology, the message, the handler and the output. The user of every address has a
// password that must not be printed.

import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CliRun } from '../support/cli.ts';
import { emptyFolder, executable, type MqOptions, type MqResult } from '../support/mq.ts';
import type { Refusal } from '../support/refusal.ts';
import { addressWithCanary, assertNoSecret, assertRefused, assertRefusedInJson, canary } from '../support/refusal.ts';
import { lines, messagesOf, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const { vhost } = roles;
const hosts = vhost.urls.map((url) => new URL(url).host);
const users: string[] = [];
const all = { configure: '.*', write: '.*', read: '.*' };
const user = await newUser(all);
const url = addressIn(vhost.name);

test.after(async () => {
  for (const name of users) await vhost.api('DELETE', `/api/users/${name}`);
  await roles.end();
});

/** Creates a user whose password is the canary. Without `permissions` it has no permission in the vhost. */
async function newUser(permissions: typeof all | undefined): Promise<string> {
  const name = `mq-${randomUUID()}`;
  await vhost.api('PUT', `/api/users/${name}`, { password: canary, tags: '' });
  users.push(name);
  if (permissions) await vhost.api('PUT', `/api/permissions/${vhost.name}/${name}`, permissions);
  return name;
}

/** Returns the addresses of all nodes for one user. */
function addressIn(path: string, name = user): string {
  return hosts.map((host) => addressWithCanary(`${host}/${path}`, { user: name })).join(',');
}

/** Runs a command that starts no handler. */
async function send(args: readonly string[], options: Pick<MqOptions, 'cwd' | 'env' | 'input'> = {}): Promise<CliRun> {
  const result = await roles.runHere(args, { ...options, env: { MQ_URL: url, ...options.env } });
  assertNoSecret(result);
  return result;
}

async function run(args: readonly string[], options: MqOptions = {}): Promise<MqResult> {
  const result = await roles.run(args, { ...options, env: { MQ_URL: url, ...options.env } });
  assertNoSecret(result);
  return result;
}

/** A classic queue that receives every message of its topic exchange, with two attempts for each message. */
function place(): { queue: string; cwd: string; add(name: string, text: string): void } {
  const queue = `q-${randomUUID()}`;
  const config = {
    vhosts: {
      '/': {
        exchanges: { [`e-${queue}`]: { type: 'topic' } },
        queues: { [queue]: {} },
        bindings: [`e-${queue}[#] -> ${queue}`],
      },
    },
    publications: { to: { exchange: `e-${queue}` }, direct: { queue } },
    subscriptions: { from: { queue } },
    mq: { retry: { attempts: 2, delays: [50] } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  const add = (name: string, text: string) => {
    writeFileSync(join(cwd, name), text);
    chmodSync(join(cwd, name), 0o755);
  };
  return { queue, cwd, add };
}

// The login and the vhost

const wrong = 'canaryX:canaryY';
const strangers = (host: string) => `amqp://mq:${encodeURIComponent(wrong)}@${host}/${vhost.name}`;

interface LoginRow extends Refusal {
  readonly title: string;
  readonly url: () => string | Promise<string>;
}

const logins: readonly LoginRow[] = [
  {
    title: 'a wrong password',
    url: () => strangers(hosts[0] as string),
    exit: 77,
    line: 'mq producer: the broker refused the user or the password (ACCESS_REFUSED) [NOT_PERMITTED]',
    hint: 'check the user and password in --url, MQ_URL, the named connection or rascal.json',
  },
  {
    title: 'a vhost that is absent',
    url: () => addressIn('no%20such'),
    exit: 78,
    line: "mq producer: the vhost 'no such' does not exist on the broker [CONFIG]",
    hint: 'create it, or name another vhost at the end of the URL',
  },
  {
    title: 'a vhost that the user may not enter',
    url: async () => addressIn(vhost.name, await newUser(undefined)),
    exit: 77,
    line: new RegExp(
      `^mq producer: the user 'mq-[-0-9a-f]+' has no access to the vhost '${vhost.name}' \\[NOT_PERMITTED\\]$`,
    ),
    hint: 'give the user permissions there, or name another vhost at the end of the URL',
  },
  {
    title: 'TLS to a plain port',
    url: () => addressWithCanary(hosts[0] as string, { scheme: 'amqps' }),
    exit: 76,
    line: 'mq producer: the server does not use TLS [TLS]',
    hint: 'use amqp:// for a plain port (5672), amqps:// for a TLS port (5671)',
  },
];

for (const { title, url: address, ...refusal } of logins) {
  test(title, async () => {
    const given = await address();
    assertRefused(await send(['producer', '--url', given, 'hi']), refusal);
    assertRefusedInJson(await send(['producer', '--url', given, '--json', 'hi']), 'producer', refusal);
    const debug = await send(['producer', '--url', given, '--debug', 'hi']);
    assert.is(debug.status, refusal.exit);
    assert.match(debug.stderr, /^MqError: .*\n {4}at /m);
  });
}

test('a role connects to the second address if the first node is down', async () => {
  const { cwd } = place();
  const env = { MQ_URL: `${addressWithCanary(`127.0.0.1:1/${vhost.name}`, { user })},${url}` };
  assert.equal((await send(['publish', 'to', 'hi'], { cwd, env })).status, 0);
  assert.is((await run(['subscribe', 'from', '--count', '1'], { cwd, env })).stdout, 'hi\n');
});

// Permissions and topology

const refusedQueue = (queue: string, act: string) =>
  new RegExp(
    `^mq .*: the broker refused: ${act} access to (queue|exchange) '${queue}' in vhost .* refused for user 'mq-.*' \\[NOT_PERMITTED\\]$`,
  );

test('a missing permission to configure, write or read is one line', async () => {
  const { queue, cwd } = place();
  const as = (permissions: Partial<typeof all>) => newUser({ ...all, ...permissions });
  const noConfigure = { MQ_URL: addressIn(vhost.name, await as({ configure: '' })) };
  assertRefused(await send(['publish', 'direct', 'hi'], { cwd, env: noConfigure }), {
    exit: 77,
    line: refusedQueue(queue, 'configure'),
    hint: 'run mq declare with an account that has the configure permission, or grant it',
  });
  assert.is((await send(['publish', 'to', 'hi'], { cwd })).status, 0);
  const noWrite = { MQ_URL: addressIn(vhost.name, await as({ write: `^${queue}$` })) };
  assertRefused(await send(['publish', 'direct', 'hi'], { cwd, env: noWrite }), {
    exit: 77,
    line: refusedQueue('amq\\.default', 'write'),
  });
  const noRead = { MQ_URL: addressIn(vhost.name, await as({ read: '^e-' })) };
  assertRefused(await run(['subscribe', 'from', '--until-empty'], { cwd, env: noRead }), {
    exit: 77,
    line: refusedQueue(queue, 'read'),
  });
  assert.is(await roles.held(queue), 1);
});

test('an unequal queue names the argument, the wanted and the found value', async () => {
  await vhost.api('PUT', `/api/queues/${vhost.name}/task_queue`, {
    durable: true,
    arguments: { 'x-queue-type': 'classic' },
  });
  const refusal = {
    exit: 78,
    line: new RegExp(
      `^mq (task|worker): the queue 'task_queue' in vhost '${vhost.name}' exists with another 'x-queue-type': wanted quorum, found classic \\[TOPOLOGY\\]$`,
    ),
    hint: 'set the value of the broker in rascal.json, or "assert": false to use the queue as it is',
  };
  assertRefused(await send(['task', 'hi']), refusal);
  assertRefused(await run(['worker', '--until-empty']), refusal);
  await roles.deleteQueue('task_queue');
});

test('an exchange of another type is refused', async () => {
  await vhost.api('PUT', `/api/exchanges/${vhost.name}/logs`, { type: 'direct', durable: false });
  assertRefused(await send(['emit-log', 'hi']), {
    exit: 78,
    line: `mq emit-log: the exchange 'logs' in vhost '${vhost.name}' exists with another 'type': wanted fanout, found direct [TOPOLOGY]`,
    hint: 'set the value of the broker in rascal.json, or "assert": false to use the exchange as it is',
  });
  await vhost.api('DELETE', `/api/exchanges/${vhost.name}/logs`);
});

test('a message without a queue is unroutable', async () => {
  assertRefused(await send(['emit-log-direct', 'no-queue', 'hi']), {
    exit: 67,
    line: "mq emit-log-direct: not delivered: the exchange 'direct_logs' has no queue for the key 'no-queue' (NO_ROUTE) [UNROUTABLE]",
    hint: 'start the receiver first, or bind a queue',
  });
});

// The message

const key256 = 'k'.repeat(256);

test('a routing key of 256 bytes is refused', async () => {
  const { cwd } = place();
  assertRefused(await send(['publish', 'to', '--routing-key', key256, 'hi'], { cwd }), {
    exit: 65,
    line: 'mq publish: the routing key has 256 bytes; AMQP allows 255 [BAD_DATA]',
  });
  assert.is((await send(['publish', 'to', '--routing-key', key256.slice(1), 'hi'], { cwd })).status, 0);
});

test('a message that the broker refuses ends mq with 65', async () => {
  const { cwd } = place();
  const rows = [
    ['--header', 'CC=text', 'the broker refused the message: unacceptable_type_in_header (CC)'],
    [
      '--property',
      'user-id=other',
      `the broker refused the message: user_id property set to 'other' but authenticated user was '${user}'`,
    ],
    [
      '--property',
      'reply-to=amq.rabbitmq.reply-to',
      'the broker refused the message: fast reply consumer does not exist',
    ],
  ] as const;
  for (const [option, value, why] of rows)
    assertRefused(await send(['publish', 'to', option, value, 'hi'], { cwd }), {
      exit: 65,
      line: `mq publish: ${why} [BAD_DATA]`,
    });
});

test("a body over the broker's limit is refused, and the others arrive", async () => {
  const { queue, cwd } = place();
  const limit = 16 * 1024 * 1024;
  const large = Buffer.alloc(limit + 1, 'x');
  assertRefused(await send(['publish', 'to', '--file', '-'], { cwd, input: large }), {
    exit: 65,
    line: `mq publish: the body of ${limit + 1} bytes is over the broker's limit of ${limit} [BAD_DATA]`,
  });
  const input = Buffer.concat([Buffer.from('one\n'), large, Buffer.from('\ntwo\n')]);
  const { status, stdout } = await send(['publish', 'to', '--lines', '--json'], { cwd, input });
  assert.is(status, 65);
  assert.equal(
    lines(stdout)
      .map((line) => JSON.parse(line) as { number: number; outcome: string })
      .map(({ number, outcome }) => `${number} ${outcome}`)
      .sort(),
    ['1 confirmed', '2 refused', '3 confirmed'],
  );
  assert.equal((await roles.take(queue, 2)).map(({ payload }) => payload).sort(), ['one', 'two']);
});

/** Every byte, including NUL and bytes that are not UTF-8. */
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

test('--file - sends any bytes, and --json prints them as base64', async () => {
  const { cwd } = place();
  const bodies = [everyByte, randomBytes(100_000), Buffer.alloc(0), Buffer.from([0xff]), Buffer.from('\ufeffBOM\r\n')];
  for (const body of bodies) assert.is((await send(['publish', 'to', '--file', '-'], { cwd, input: body })).status, 0);
  const { stdout } = await run(['subscribe', 'from', '--json', '--count', `${bodies.length}`], { cwd });
  const arrived = lines(stdout).map((line) => JSON.parse(line) as { body: string; encoding: 'utf8' | 'base64' });
  assert.equal(
    arrived.map(({ body, encoding }) => Buffer.from(body, encoding).toString('hex')),
    bodies.map((body) => body.toString('hex')),
  );
  assert.equal(
    arrived.map(({ encoding }) => encoding),
    ['base64', 'base64', 'utf8', 'base64', 'utf8'],
  );
});

test('--lines sends any bytes except a newline, and a receiver prints them', async () => {
  const { cwd } = place();
  const line = Buffer.from(everyByte.filter((byte) => byte !== 10));
  assert.is(
    (await send(['publish', 'to', '--lines'], { cwd, input: Buffer.concat([line, Buffer.from('\n\n'), line]) })).status,
    0,
  );
  const { bytes } = await run(['subscribe', 'from', '--count', '3'], { cwd });
  assert.equal(
    bytes.toString('hex'),
    Buffer.concat([line, Buffer.from('\n\n'), line, Buffer.from('\n')]).toString('hex'),
  );
});

test('a value arrives exactly as it was typed', async () => {
  const { cwd } = place();
  const values = [
    '',
    '007',
    '1e3',
    '-x',
    '--',
    'true',
    'a=b',
    'ü',
    '--json',
    '-',
    ' ',
    'null',
    '[1]',
    '0x10',
    '-1',
    'a\nb',
    '{"a":1}',
  ];
  for (const value of values) {
    const options = ['--routing-key', value, '--header', `h=${value}`, '--property', `app-id=${value}`];
    assert.is((await send(['publish', ...options, 'to', '--', value], { cwd })).status, 0, value);
    const joined = [`--routing-key=${value}`, `--header=h=${value}`, `--property=app-id=${value}`];
    assert.is((await send(['publish', 'to', ...joined, '--', value, value], { cwd })).status, 0, value);
  }
  const { stdout } = await run(['subscribe', 'from', '--json', '--count', `${2 * values.length}`], { cwd });
  const arrived = lines(stdout).map((line) => {
    const { body, fields, headers, properties } = JSON.parse(line);
    return [body, fields.routingKey, headers.h, properties.appId];
  });
  // RabbitMQ and amqplib accept an empty text.
  assert.equal(
    arrived,
    values.flatMap((value) => [
      [value, value, value, value],
      [`${value} ${value}`, value, value, value],
    ]),
  );
});

test('a missing file and a folder cannot be sent', async () => {
  const { cwd } = place();
  assertRefused(await send(['publish', 'to', '--file', 'none'], { cwd }), {
    exit: 66,
    line: 'mq publish: cannot read none: no such file [NO_INPUT]',
  });
  assertRefused(await send(['publish', 'to', '--lines', '--file', '.'], { cwd }), {
    exit: 66,
    line: 'mq publish: cannot read .: it is a directory [NO_INPUT]',
  });
});

// Handlers

const failing = [
  {
    title: 'throws',
    file: 'work.ts',
    text: "export default () => { throw new Error('out of paper') }",
    reason: 'out of paper',
  },
  {
    title: 'throws what has no text',
    file: 'work.ts',
    text: 'export default () => { throw Object.create(null) }',
    reason: 'an error that cannot be shown',
  },
  {
    title: 'rejects',
    file: 'work.ts',
    text: "export default async () => { await 1; throw 'out of ink' }",
    reason: 'out of ink',
  },
  {
    title: 'hangs (a module)',
    file: 'work.ts',
    text: 'export default () => new Promise(() => setInterval(() => {}, 1000))',
    reason: 'the handler did not end within 0.5 s',
  },
  {
    title: 'hangs (a command)',
    file: 'work.sh',
    text: '#!/bin/sh\nsleep 600\n',
    reason: 'the handler did not end within 0.5 s',
  },
  { title: 'exits with 1', file: 'work.sh', text: '#!/bin/sh\nexit 1\n', reason: 'exit status 1' },
  { title: 'is killed', file: 'work.sh', text: '#!/bin/sh\nkill -9 $$\n', reason: 'signal SIGKILL' },
] as const;

const hasty = ['--handler-timeout', '0.5', '--grace', '0.2'];

for (const { title, file, text, reason } of failing) {
  test(`a message whose handler ${title} is retried and dead-lettered`, async () => {
    const { queue, cwd, add } = place();
    add(file, text);
    await send(['publish', 'to', '--routing-key', 'some.key', '--header', 'kept=yes', '--file', '-'], {
      cwd,
      input: everyByte,
    });
    const handler = file.endsWith('.ts') ? ['--handler', file] : ['--exec', `./${file}`];
    const { status, stdout, stderr } = await run(
      ['subscribe', 'from', '--count', '2', ...(title.startsWith('hangs') ? hasty : []), ...handler],
      { cwd },
    );
    assert.equal({ status, stdout }, { status: 0, stdout: '' });
    assert.equal(messagesOf(stderr), [
      `waiting for messages from ${queue}`,
      `attempt 1 failed: ${reason}`,
      `to the dead-letter queue: ${reason}`,
    ]);
    assert.is(await roles.held(queue), 0);
    const [dead] = await roles.take(`${queue}.dead`, 1);
    assert.is(Buffer.from(dead?.payload ?? '', 'base64').toString('hex'), everyByte.toString('hex'));
    const headers = dead?.properties.headers ?? {};
    assert.equal(
      ['kept', 'x-mq-reason', 'x-mq-attempt', 'x-mq-queue', 'x-mq-routing-key'].map((name) => headers[name]),
      ['yes', reason, 2, queue, 'some.key'],
    );
  });
}

test('an unknown outcome is a failure', async () => {
  const { queue, cwd, add } = place();
  add('work.ts', "export default () => ({ type: 'akc' })");
  await send(['publish', 'to', 'hi'], { cwd });
  await run(['subscribe', 'from', '--count', '2', '--handler', 'work.ts'], { cwd });
  assert.is((await roles.take(`${queue}.dead`, 1)).length, 1);
});

test('a worker whose command is deleted ends and loses no message', async () => {
  const { queue, cwd, add } = place();
  add('work.sh', '#!/bin/sh\nrm work.sh\n');
  await send(['publish', 'to', '--lines'], { cwd, input: 'one\ntwo\nthree\n' });
  const result = await run(['subscribe', 'from', '--concurrency', '1', '--exec', './work.sh'], { cwd });
  assertRefused(result, {
    exit: 71,
    line: /^mq subscribe: cannot run \.\/work\.sh: .* \[SYSTEM\]$/,
    before: /^waiting for/,
  });
  assert.equal((await roles.take(queue, 2)).map(({ payload }) => payload).toSorted(), ['three', 'two']);
});

test('a worker loses no message when its connections are closed', async () => {
  const { queue, cwd, add } = place();
  add('work.sh', '#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.01; done\nexit 1\n');
  await send(['publish', 'to', 'hi'], { cwd });
  const name = await newUser(all);
  const env = { MQ_URL: addressIn(vhost.name, name) };
  const connections = `/api/connections/username/${name}`;
  const worker = await roles.receiver(['subscribe', 'from', '--exec', './work.sh'], { cwd, env });
  await until('the message is delivered', async () => (await roles.held(queue)) === 0);
  // RabbitMQ closes the connection with 320, as it does when it shuts down.
  await until(
    'the worker has two connections',
    async () => ((await vhost.api('GET', connections)) as unknown[]).length === 2,
  );
  const closing = vhost.api('DELETE', connections);
  await worker.prints(/connecting again|consuming again/, 'stderr');
  writeFileSync(join(cwd, 'go'), '');
  await closing;
  assert.is((await roles.take(`${queue}.dead`, 1))[0]?.payload, 'hi');
  const result = await worker.stop();
  assertNoSecret(result);
  assert.is(result.status, 0, result.stderr);
});

test('a sender continues after the broker closes its connection', async () => {
  const { queue, cwd } = place();
  const name = await newUser(all);
  const sender = roles.start(['publish', 'to', '--lines', '--json'], {
    cwd,
    env: { MQ_URL: addressIn(vhost.name, name) },
  });
  sender.stdin.write('one\n');
  await sender.prints(/confirmed/);
  const connections = `/api/connections/username/${name}`;
  await until(
    'the sender has a connection',
    async () => ((await vhost.api('GET', connections)) as unknown[]).length === 1,
  );
  await vhost.api('DELETE', connections);
  sender.stdin.end('two\n');
  const result = await sender.ended;
  assertNoSecret(result);
  assert.is(result.status, 0, result.stderr);
  assert.equal(
    (await roles.take(queue, 2)).map(({ payload }) => payload),
    ['one', 'two'],
  );
});

test('a retry of a message with a CC header makes no further copies', async () => {
  const { queue, cwd, add } = place();
  add('work.sh', '#!/bin/sh\nexit 1\n');
  const other = `${queue}.cc`;
  await vhost.api('PUT', `/api/queues/${vhost.name}/${other}`, { durable: true });
  await send(['publish', 'direct', 'made'], { cwd }); // the queue
  await roles.take(queue, 1);
  await vhost.api('POST', `/api/exchanges/${vhost.name}/amq.default/publish`, {
    routing_key: queue,
    payload: 'hi',
    payload_encoding: 'string',
    properties: { headers: { CC: [other] } },
  });
  await run(['subscribe', 'from', '--count', '2', '--exec', './work.sh'], { cwd });
  await roles.take(`${queue}.dead`, 1);
  assert.is(await roles.held(other), 1);
});

for (const { title, bytes, kept, reason } of [
  { title: 'headers of 70 KB are kept', bytes: 70_000, kept: true, reason: /^exit status 1$/ },
  {
    title: 'headers that leave no room for the reason are dropped',
    bytes: 130_950,
    kept: false,
    reason: /^exit status 1; without its headers: /,
  },
]) {
  test(`${title} when a message is dead-lettered`, async () => {
    const { queue, cwd, add } = place();
    add('work.sh', '#!/bin/sh\nexit 1\n');
    await send(['publish', 'direct', 'made'], { cwd }); // the queue
    await roles.take(queue, 1);
    await vhost.api('POST', `/api/exchanges/${vhost.name}/amq.default/publish`, {
      routing_key: queue,
      payload: 'hi',
      payload_encoding: 'string',
      properties: { headers: { a: 'x'.repeat(bytes) } },
    });
    const worker = await roles.receiver(['subscribe', 'from', '--exec', './work.sh'], { cwd });
    const [dead] = await roles.take(`${queue}.dead`, 1);
    assert.is((await worker.stop()).status, 0);
    assert.is(dead?.payload, 'hi');
    assert.match(String(dead?.properties.headers?.['x-mq-reason']), reason);
    assert.is(String(dead?.properties.headers?.['a'] ?? '').length, kept ? bytes : 0);
  });
}

// The output

test('a message stays in the queue if --file is on a full disk', async () => {
  const { queue, cwd } = place();
  await send(['publish', 'to', 'hi'], { cwd });
  assertRefused(await run(['subscribe', 'from', '--count', '1', '--file', '/dev/full'], { cwd }), {
    exit: 74,
    line: 'mq subscribe: cannot append to /dev/full: no space left on device [IO]',
    before: /^waiting for messages from/,
  });
  assert.equal(
    (await roles.take(queue, 1)).map(({ payload }) => payload),
    ['hi'],
  );
});

test('a role with --file in a missing folder receives no message', async () => {
  const { queue, cwd } = place();
  await send(['publish', 'to', 'hi'], { cwd });
  assertRefused(await run(['subscribe', 'from', '--file', 'none/log'], { cwd }), {
    exit: 73,
    line: 'mq subscribe: cannot append to none/log: no such file or directory [CANNOT_CREATE]',
  });
  assert.is((await roles.take(queue, 1))[0]?.redelivered, false);
});

/** Runs a shell line that contains `mq`. Returns the status of the whole line. */
function shell(line: string, cwd: string): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], MQ: executable, MQ_URL: url };
    execFile(
      'bash',
      ['-c', `set -o pipefail; ${line.replaceAll('mq ', '"$MQ" ')}`],
      { cwd, env, timeout: 60_000 },
      (error, stdout, stderr) => {
        resolve({ status: error ? Number(error.code ?? -1) : 0, stdout, stderr });
      },
    );
  });
}

for (const options of ['', '--json ', "--concurrency 1 --exec sh -c 'cat; echo' "]) {
  test(`a closed pipe ends a receiver quietly: subscribe ${options}| head -1`, async () => {
    const { queue, cwd } = place();
    const sent = Array.from({ length: 500 }, (_, number) => `number ${number}`);
    await send(['publish', 'to', '--lines'], { cwd, input: sent.join('\n') });
    const { status, stdout, stderr } = await shell(`mq subscribe from ${options} | head -1`, cwd);
    assert.equal({ status, stderr }, { status: 0, stderr: `waiting for messages from ${queue}\n` });
    assert.is(lines(stdout).length, 1);
    assert.match(stdout, /number \d+/);
  });
}

test('a closed pipe ends a sender with 74 if lines remain', async () => {
  const { cwd } = place();
  const { status, stderr } = await shell('seq 200000 | mq publish to --lines --json | head -1', cwd);
  assert.is(status, 74, stderr);
  assert.match(stderr, /messages confirmed, 0 not; the input after message \d+ was not sent/);
});

for (const options of ['', '--json ']) {
  test(`a full stdout ends a receiver: subscribe ${options}> /dev/full`, async () => {
    const { queue, cwd } = place();
    await send(['publish', 'to', '--lines'], { cwd, input: 'one\ntwo\n' });
    const { status, stderr } = await shell(`mq subscribe from --count 2 --concurrency 1 ${options} > /dev/full`, cwd);
    assert.is(status, 74);
    assert.match(stderr, /cannot write to stdout: .*ENOSPC/);
    assert.equal(
      (await roles.take(queue, 2)).map(({ payload }) => payload),
      ['one', 'two'],
    );
  });
}

test('a full stdout of a command ends the role without a loss', async () => {
  const { queue, cwd } = place();
  await send(['publish', 'to', 'hi'], { cwd });
  const { status, stderr } = await shell('mq subscribe from --count 1 --exec cat > /dev/full', cwd);
  assert.is(status, 74, stderr);
  assert.is((await roles.take(queue, 1)).length, 1);
});

test('a sender reports a full stdout', async () => {
  const { cwd } = place();
  const { status, stderr } = await shell('mq publish to --json hi > /dev/full', cwd);
  assert.is(status, 74, stderr);
});

test('a sender with a closed stdout sends all its lines', async () => {
  const { queue, cwd } = place();
  const { status } = await shell("printf 'one\\ntwo\\n' | mq publish to --lines | true", cwd);
  assert.is(status, 0);
  assert.is((await roles.take(queue, 2)).length, 2);
});

test('mq --help with a closed stdout ends quietly', async () => {
  assert.equal(await shell('mq --help | true', emptyFolder()), { status: 0, stdout: '', stderr: '' });
});

test.run();
