// Tests named connections against an embedded broker with users, TLS and client certificates.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { authority } from '../support/authority.ts';
import { objects, runCli } from '../support/cli.ts';
import { emptyFolder, mq, startMq } from '../support/mq.ts';

const secret = 'canary-of-app';
const own = authority();
const server = own.sign('/CN=127.0.0.1');
const client = own.sign('/CN=certified');
const all = { vhost: '/', configure: '.*', write: '.*', read: '.*' };
const users = {
  users: [
    { name: 'app', tags: ['administrator'], password_env: 'APP_PASSWORD' },
    { name: 'reader', tags: ['monitoring'], password_env: 'APP_PASSWORD' },
    { name: 'certified' },
  ],
  permissions: [
    { user: 'app', ...all },
    { user: 'reader', ...all, configure: '^$' },
    { user: 'certified', ...all },
  ],
};

interface Lab {
  /** `host:port` with TLS. */
  readonly host: string;
  readonly management: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Runs a broker with TLS, and passes a home folder without connections. */
async function withLab(use: (lab: Lab) => Promise<void>): Promise<void> {
  const cwd = emptyFolder({ 'users.json': JSON.stringify(users) });
  const tls = ['--tls-cert', server.certFile, '--tls-key', server.keyFile, '--tls-ca', own.caFile];
  const options = [...tls, '--cert-login-from', 'common_name', '--users', 'users.json'];
  const args = ['broker', '--json', '--port', '0', '--management-port', '0', ...options];
  const broker = startMq(args, { cwd, env: { APP_PASSWORD: secret } });
  try {
    const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
    const env = { XDG_CONFIG_HOME: cwd, APP_PASSWORD: secret, PATH: process.env['PATH'] ?? '' };
    await use({ host: new URL(url).host, management, env, cwd });
  } finally {
    await broker.stop();
  }
}

async function add({ env, cwd }: Lab, name: string, options: readonly string[]): Promise<void> {
  const { status, stderr } = await runCli(['connection', 'add', name, '--ca', own.caFile, ...options], { env, cwd });
  assert.is(status, 0, stderr);
}

test('connection test reports what works, and no secret', () =>
  withLab(async (lab) => {
    const { host, management, env, cwd } = lab;
    const run = (name: string, more: Record<string, string> = {}) =>
      runCli(['connection', 'test', name, '--json'], { env: { ...env, ...more }, cwd });
    const password = ['--password-env', 'APP_PASSWORD'];
    const url = `amqps://app@${host}`;
    await add(lab, 'app', ['--url', url, ...password, '--management-url', management]);
    const good = await run('app');
    assert.is(good.status, 0, good.stdout);
    assert.equal(
      objects(good).map(({ check, ok }) => [check, ok]),
      [
        ['amqp', true],
        ['management', true],
        ['permissions', true],
      ],
    );
    assert.is(objects(good)[2]?.['text'], "configure '.*', write '.*', read '.*'");
    const refused = await run('app', { APP_PASSWORD: 'canary-of-another' });
    assert.is(refused.status, 77);
    assert.equal(
      objects(refused).map(({ check, code }) => [check, code]),
      [
        ['amqp', 'NOT_PERMITTED'],
        ['management', 'NOT_PERMITTED'],
      ],
    );
    await add(lab, 'reader', ['--url', `amqps://reader@${host}`, ...password, '--management-url', management]);
    const reader = await run('reader');
    assert.is(reader.status, 0, reader.stdout);
    assert.match(String(objects(reader)[0]?.['text']), /cannot declare a queue$/);
    assert.match(String(objects(reader)[2]?.['text']), /to administrators only$/);
    await add(lab, 'nowhere', ['--url', `amqps://app@127.0.0.1:1,${url}`, ...password]);
    const half = await run('nowhere');
    assert.is(half.status, 69);
    assert.equal(
      objects(half).map(({ check, ok }) => [check, ok]),
      [
        ['amqp', false],
        ['amqp', true],
        ['management', undefined],
      ],
    );
    for (const { stdout, stderr } of [good, refused, reader, half]) assert.not.match(stdout + stderr, /canary/);
  }));

/** Runs a proxy that forwards requests to the API as guest, as RabbitMQ accepts a token with the scopes of guest. */
async function withTokenApi(management: string, use: (url: string) => Promise<void>): Promise<void> {
  const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
  const proxy = createServer((given, response) => {
    const headers = { ...given.headers, authorization };
    const forwarded = request(`${management}${given.url}`, { method: given.method ?? 'GET', headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    given.pipe(forwarded);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  try {
    await use(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
}

test('connection test does not ask for the permissions of a token', async () => {
  const cwd = emptyFolder();
  const broker = startMq(['broker', '--json', '--port', '0', '--management-port', '0'], { cwd });
  try {
    const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
    await withTokenApi(management, async (api) => {
      const env = { XDG_CONFIG_HOME: cwd, LAB_TOKEN: 'guest' };
      const options = ['--url', `amqp://guest@${new URL(url).host}`, '--token-env', 'LAB_TOKEN'];
      await runCli(['connection', 'add', 'lab', ...options, '--management-url', api], { env, cwd });
      const { status, stdout } = await runCli(['connection', 'test', 'lab', '--json'], { env, cwd });
      assert.is(status, 0, stdout);
      const [, own, permissions] = objects({ stdout });
      assert.is(own?.['ok'], true, stdout);
      assert.equal(
        { text: permissions?.['text'], ok: permissions?.['ok'] },
        { text: 'the scopes of the token are the permissions', ok: undefined },
      );
    });
  } finally {
    await broker.stop();
  }
});

test('the password guest is not removed from the report', async () => {
  const cwd = emptyFolder();
  const broker = startMq(['broker', '--json', '--port', '0', '--management-port', '0'], { cwd });
  try {
    const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
    const env = { XDG_CONFIG_HOME: cwd, LAB_PASSWORD: 'guest' };
    const options = ['--url', `amqp://guest@${new URL(url).host}`, '--password-env', 'LAB_PASSWORD'];
    await runCli(['connection', 'add', 'lab', ...options, '--management-url', management], { env, cwd });
    const { status, stdout } = await runCli(['connection', 'test', 'lab'], { env, cwd });
    assert.is(status, 0, stdout);
    assert.match(stdout, 'user guest, tags administrator');
  } finally {
    await broker.stop();
  }
});

test('commands log in with a password or a certificate of a connection', () =>
  withLab(async (lab) => {
    const { host, management, env, cwd } = lab;
    const password = ['--password-command', 'printf %s "$APP_PASSWORD"', '--management-url', management];
    await add(lab, 'app', ['--url', `amqps://app@${host}`, ...password]);
    const external = ['--url', `amqps://${host}/?auth_mechanism=external`];
    await add(lab, 'certs', [...external, '--cert', client.certFile, '--key', client.keyFile]);
    const run = async (...args: string[]) => {
      const { status, stdout, stderr } = await mq(args, { cwd, env });
      assert.is(status, 0, stderr);
      assert.not.match(stdout + stderr, /canary/);
      return { stdout, stderr };
    };
    const sent = await run('--connection', 'certs', 'task', 'one');
    assert.is(sent.stderr, `mq task: connection 'certs': amqps://${host}\n`);
    const received = await run('worker', '--until-empty', '--connection', 'app', '--log', 'json');
    assert.is(received.stdout, 'one\n');
    const [notice = ''] = received.stderr.split('\n');
    assert.is((JSON.parse(notice) as { message: string }).message, `connection 'app': amqps://${host}`);
    const listed = await run('--connection', 'app', 'admin', 'list', 'queues', '--json');
    assert.is(listed.stderr, '');
    assert.match(listed.stdout, /"task_queue"/);
    const created = await run('--connection', 'app', 'admin', 'create', 'queue', 'new');
    assert.match(created.stderr, /^mq admin: connection 'app': amqps:/);
    await run('init', '--connection', 'app', '--config', 'found.json');
    writeFileSync(
      join(cwd, 'one.test.ts'),
      "import { broker, test } from 'mq/test';\ntest('has the broker', () => { if (!broker.url.includes('app')) throw new Error(broker.url); });\n",
    );
    await run('test', '--connection', 'app', 'one.test.ts');
  }));

test('a certificate without a user ends with 77', () =>
  withLab(async (lab) => {
    const { host, env, cwd } = lab;
    const stranger = own.sign('/CN=stranger');
    const files = ['--cert', stranger.certFile, '--key', stranger.keyFile];
    await add(lab, 'stranger', ['--url', `amqps://${host}/?auth_mechanism=external`, ...files]);
    const { status, stderr } = await runCli(['wait', '--connection', 'stranger', '--timeout', '5s'], { env, cwd });
    assert.is(status, 77, stderr);
  }));

test.run();
