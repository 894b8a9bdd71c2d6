// Tests the version, the sources of the address and the password, and roles that wait for a broker.

import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import { emptyFolder, mq, startMq } from '../support/mq.ts';
import { assertRefused } from '../support/refusal.ts';

test('--version, -V, -v and version print the same line', async () => {
  const [first, ...others] = await Promise.all(
    [['--version'], ['-V'], ['-v'], ['version']].map(async (args) => (await mq(args)).stdout),
  );
  assert.match(first ?? '', /^mq \d+\.\d+\.\d+\n$/);
  for (const other of others) assert.is(other, first);
  for (const typed of ['version', '--version'])
    assert.equal(JSON.parse((await mq([typed, '--json'])).stdout), { version: first?.trim().slice(3) });
  assertRefused(await mq(['--version', 'extra']), {
    exit: 64,
    line: "mq version: unexpected argument 'extra' [USAGE]",
    hint: 'mq version --help',
  });
});

test('the hint names the only argument if it was used as the key', async () => {
  const config = {
    vhosts: { '/': { exchanges: { ex: {} } } },
    publications: { order: { exchange: 'ex' } },
    mq: { roles: { order: { publish: 'order', arguments: 'key text', routingKey: 'new' } } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  const broker = startMq(['broker', '--port', '0', '--json']);
  const { url } = JSON.parse(await broker.prints(/\n/)) as { url: string };
  assertRefused(await mq(['order', '{"id":1}', '--url', url], { cwd }), {
    exit: 64,
    line: 'mq order: no text was given, and standard input is empty [USAGE]',
    hint: `'{"id":1}' is the key: give the text after it, or the key by --routing-key`,
  });
  await broker.stop();
});

const password = 'a-password-of-the-test';

test('the address and the password are read from files', async () => {
  const cwd = emptyFolder({ password: `${password}\n`, empty: '\n' });
  const broker = startMq(['broker', '--port', '0', '--user', 'team', '--json'], {
    cwd,
    env: { MQ_BROKER_PASSWORD_FILE: 'password' },
  });
  const { host } = new URL((JSON.parse(await broker.prints(/\n/)) as { url: string }).url);
  const [whole, user] = [`amqp://team:${password}@${host}`, `amqp://team@${host}`];
  const files = emptyFolder({ password, url: `${whole}\r\n` });
  const send = (args: readonly string[], env: Record<string, string>) =>
    mq(['producer', 'x', ...args], { cwd: files, env });
  for (const [args, env] of [
    [['--url-file', 'url'], {}],
    [[], { MQ_URL_FILE: join(files, 'url') }],
    [[], { MQ_URL: user, MQ_PASSWORD_FILE: 'password' }],
    [['--url', user], { MQ_PASSWORD: password }],
  ] as const) {
    const { status, stderr } = await send(args, env);
    assert.equal({ status, stderr }, { status: 0, stderr: '' }, JSON.stringify([args, Object.keys(env)]));
  }
  assertRefused(await send([], { MQ_URL: whole, MQ_URL_FILE: 'url' }), {
    exit: 64,
    line: 'mq producer: MQ_URL and MQ_URL_FILE are both set [USAGE]',
    hint: 'unset one of them',
  });
  assertRefused(await send([], { MQ_URL_FILE: 'missing' }), {
    exit: 66,
    line: 'mq producer: cannot read missing: no such file or directory [NO_INPUT]',
  });
  assertRefused(await send(['--url', user, '--url-file', 'url'], {}), {
    exit: 64,
    line: 'mq producer: --url and --url-file exclude each other [USAGE]',
    hint: 'mq producer --help',
  });
  assert.is((await broker.stop()).status, 0);
});

test('a role with --wait waits for a broker; --quiet prints no bodies', async () => {
  const [port] = await freePorts(1, '127.0.0.1');
  const url = `amqp://127.0.0.1:${port}`;
  const receiver = startMq(['consumer', '--count', '2', '--quiet', '--wait', '--url', url]);
  await receiver.prints(/mq consumer: no broker yet: no broker answers/, 'stderr');
  const broker = startMq(['broker', '--port', String(port)]);
  await receiver.prints(/waiting for messages/, 'stderr');
  const sent = await mq(['producer', '--lines', '--rate', '1000/s', '--wait=10s', '--url', url], { input: 'a\nb\n' });
  assert.is(sent.status, 0, sent.stderr);
  const { status, stdout } = await receiver.ended;
  assert.equal({ status, stdout }, { status: 0, stdout: '' });
  assert.is((await broker.stop()).status, 0);
});

test('a role ends with 69 if no broker starts within --wait', async () => {
  const { status, stderr } = await mq(['producer', 'x', '--wait=300ms', '--url', 'amqp://127.0.0.1:1']);
  assert.is(status, 69);
  assert.match(stderr, /^mq producer: no broker accepted a connection within 300 ms: .* \[UNAVAILABLE\]$/m);
});

test.run();
