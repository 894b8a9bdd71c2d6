// Tests mq broker as a command: its ready line, how it ends, and which arguments it refuses.

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable, type MqOptions, mq, type RunningMq, startMq } from '../support/mq.ts';
import { assertRefused } from '../support/refusal.ts';

const ready = /^ready: (amqps?:\/\/\S+?)(?:, management (\S+))? \((.*)\)\n$/;

async function start(
  args: readonly string[],
  options?: MqOptions,
): Promise<{ broker: RunningMq; url: string; line: string }> {
  const broker = startMq(['broker', '--port', '0', ...args], options);
  const line = await broker.prints(/\n/);
  const [, url = ''] = ready.exec(line) ?? [];
  return { broker, url, line };
}

/** Stops the broker. Each line on stderr must match `said`. */
async function stop(broker: RunningMq, said = /^$/): Promise<void> {
  const { status, stderr } = await broker.stop();
  assert.is(status, 0);
  for (const line of stderr.trimEnd().split('\n')) assert.match(line, said);
}

test('mq broker prints a ready line, accepts messages, and ends on SIGTERM', async () => {
  const { broker, url, line } = await start([]);
  assert.match(
    line,
    /^ready: amqp:\/\/127\.0\.0\.1:\d+ \(in memory only; --data DIR keeps durable queues and messages\)\n$/,
  );
  const env = { MQ_URL: url };
  assert.is((await mq(['producer', 'hi'], { env })).status, 0);
  assert.is((await mq(['consumer', '--count', '1'], { env })).stdout, 'hi\n');
  await stop(broker);
});

test('mq broker --json prints the ready line as an object', async () => {
  const broker = startMq(['broker', '--port', '0', '--management-port', '0', '--json']);
  const { event, url, management, data } = JSON.parse(await broker.prints(/\n/));
  assert.equal({ event, data }, { event: 'ready', data: null });
  assert.match(url, /^amqp:\/\/127\.0\.0\.1:\d+$/);
  const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
  const response = await fetch(new URL('/api/whoami', management), { headers: { authorization } });
  assert.is(((await response.json()) as { name: string }).name, 'guest');
  await stop(broker);
});

test('a full disk ends mq broker with 74, and confirmed messages are kept', async () => {
  const cwd = emptyFolder();
  // No file can grow above 100 KiB. SIGXFSZ is ignored, because it would kill the broker.
  const limited = join(cwd, 'limited-mq');
  writeFileSync(limited, `#!/bin/bash\ntrap '' XFSZ\nulimit -f 100\nexec '${executable}' "$@"\n`, { mode: 0o755 });
  const { broker, url } = await start(['--data', 'kept'], { cwd, executable: limited });
  const env = { MQ_URL: url };
  assert.is((await mq(['task', 'small'], { env })).status, 0);
  const sent = mq(['task', '--file', '-', '--exit-on-disconnect'], { env, input: 'x'.repeat(200_000) });
  const { status, stderr } = await broker.ended;
  assert.is(status, 74, stderr);
  assert.match(stderr, /\[IO\]\nhint: free disk space/);
  assert.not.match(stderr, /^ {4}at /m);
  assert.is.not((await sent).status, 0);
  const again = await start(['--data', 'kept'], { cwd });
  // After a crash every message may have been delivered before, so a worker retries it once.
  assert.is((await mq(['worker', '--count', '1'], { env: { MQ_URL: again.url } })).stdout, 'small\n');
  await stop(again.broker, /truncated|^$/);
});

test('a removed data folder ends mq broker with 74 and without a confirm', async () => {
  const cwd = emptyFolder();
  const { broker, url } = await start(['--data', 'kept'], { cwd });
  const env = { MQ_URL: url };
  assert.is((await mq(['task', 'before'], { env })).status, 0);
  rmSync(join(cwd, 'kept'), { recursive: true });
  const sent = mq(['task', 'after', '--exit-on-disconnect'], { env });
  const { status, stderr } = await broker.ended;
  assert.is(status, 74, stderr);
  assert.match(stderr, /was removed or replaced \[IO\]\nhint: restore the folder/);
  assert.is.not((await sent).status, 0);
});

test('--data keeps durable messages, and only one broker can use the folder', async () => {
  const cwd = emptyFolder();
  const first = await start(['--data', 'kept'], { cwd });
  assert.match(first.line, /\(durable in kept\)\n$/);
  assert.is((await mq(['task', 'a task'], { env: { MQ_URL: first.url } })).status, 0);
  assertRefused(await mq(['broker', '--port', '0', '--data', 'kept'], { cwd }), {
    exit: 73,
    line: /^mq broker: .*kept.* \[CANNOT_CREATE\]$/,
    hint: /./,
  });
  first.broker.kill('SIGKILL');
  await first.broker.ended;
  const second = await start(['--data', 'kept'], { cwd });
  const { stdout } = await mq(['worker', '--count', '1'], { env: { MQ_URL: second.url } });
  assert.is(stdout, 'a task\n');
  await stop(second.broker);
});

test('mq broker reads the password of --user and refuses a wrong one', async () => {
  const secret = 'pa:ss@word';
  const cwd = emptyFolder({ password: `${secret}\n` });
  const byFile = await start(['--user', 'team', '--password-file', 'password'], { cwd });
  const byVariable = await start(['--user', 'team'], { env: { MQ_BROKER_PASSWORD: secret } });
  for (const { broker, url } of [byFile, byVariable]) {
    const login = (password: string) => ({ MQ_URL: Object.assign(new URL(url), { username: 'team', password }).href });
    assert.is((await mq(['producer', 'hi'], { env: login(secret) })).status, 0);
    assert.is((await mq(['producer', 'hi'], { env: login('wrong') })).status, 77);
    await stop(
      broker,
      /^mq broker: (login refused: 'team' from \S+ by PLAIN|\S+ -> \S+ ACCESS_REFUSED - Login was refused.*)$/,
    );
  }
});

test('mq broker accepts TLS connections', async () => {
  const cwd = emptyFolder();
  const [cert, key] = [join(cwd, 'cert.pem'), join(cwd, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert];
  execFileSync('openssl', [...made, ...subject], { stdio: 'ignore' });
  const { broker, url } = await start(['--tls-cert', 'cert.pem', '--tls-key', 'key.pem'], { cwd });
  assert.match(url, /^amqps:/);
  const trusted = `${url}?cacertfile=${encodeURIComponent(cert)}`;
  for (const [args, env] of [
    [[], { MQ_URL: url, NODE_EXTRA_CA_CERTS: cert }],
    [['--ca', 'cert.pem'], { MQ_URL: url }],
    [[], { MQ_URL: trusted }],
  ] as const) {
    const { status, stderr } = await mq(['producer', 'hi', ...args], { cwd, env });
    assert.equal({ status, stderr }, { status: 0, stderr: '' });
  }
  const refused = await mq(['producer', 'hi'], { env: { MQ_URL: url } });
  assertRefused(refused, { exit: 76, line: /TLS failed/, hint: /--ca FILE, MQ_CA, or \?cacertfile=FILE/ });
  const socketOptions = { rejectUnauthorized: false, path: '/nowhere', ca: 'no authority' };
  const weak = emptyFolder({
    'rascal.json': JSON.stringify({ defaults: { vhosts: { connection: { socketOptions } } } }),
  });
  const env = { MQ_URL: url, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' };
  assert.is((await mq(['producer', 'hi'], { cwd: weak, env })).status, 76);
  for (let run = 1; run <= 2; run += 1) {
    const { status, stderr } = await mq(['producer', 'hi', '--insecure'], { cwd: weak, env: { MQ_URL: url } });
    assert.is(status, 0, stderr);
    assert.match(stderr, /^mq producer: --insecure: [^\n]*not verified[^\n]*\n$/);
  }
  await stop(broker);
});

test('NODE_DEBUG does not print a password', async () => {
  const { broker, url } = await start(['--management-port', '0']);
  const management = (ready.exec(broker.stdout())?.[2] ?? '').replace('//', '//guest:guest@');
  const env = { MQ_URL: url, MQ_MANAGEMENT_URL: management, NODE_DEBUG: 'http,net,tls,stream', NODE_NO_WARNINGS: '1' };
  const { status, stderr } = await mq(['admin', 'list', 'vhosts'], { env });
  assert.equal({ status, stderr }, { status: 0, stderr: '' });
  await stop(broker);
});

test('mq broker with a default password refuses to listen on all hosts', async () => {
  const cwd = emptyFolder();
  await stop((await start(['--data', 'data'], { cwd })).broker);
  const env = { MQ_BROKER_PASSWORD: 'a secret of this test' };
  const wide = ['broker', '--data', 'data', '--host', '0.0.0.0', '--user', 'team', '--port', '0'];
  assertRefused(await mq(wide, { cwd, env }), {
    exit: 64,
    line: "mq broker: refusing to listen on 0.0.0.0: the user 'guest' has the default password [USAGE]",
    hint: /mq admin delete user guest/,
  });
  const { broker } = await start(['--data', 'data', '--user', 'team'], { cwd, env });
  await stop(broker, /^mq broker: data has further administrators: guest$/m);
});

test('mq broker refuses a port in use and invalid arguments in one line', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as AddressInfo;
  const cwd = emptyFolder({ file: 'x', empty: '' });
  const rows = [
    {
      args: ['--port', String(port)],
      exit: 71,
      line: new RegExp(`^mq broker: cannot listen on 127\\.0\\.0\\.1:${port}: .* \\[SYSTEM\\]$`),
      hint: /port/,
    },
    {
      args: ['--host', '0.0.0.0'],
      exit: 64,
      line: 'mq broker: refusing to listen on 0.0.0.0: guest can only log in from this machine [USAGE]',
      hint: 'set a user and a password: --user NAME, and MQ_BROKER_PASSWORD or --password-file FILE',
    },
    {
      args: ['--user', 'team'],
      exit: 64,
      line: "mq broker: the user 'team' has no password [USAGE]",
      hint: 'set MQ_BROKER_PASSWORD, or use --password-file FILE',
    },
    { args: ['--port', '70000'], exit: 64, line: /whole number from 0 to 65535/, hint: 'mq broker --help' },
    { args: ['--password-file', 'none'], exit: 66, line: /^mq broker: cannot read none: / },
    { args: ['--password-file', 'empty'], exit: 64, line: /the password in empty is empty/, hint: 'mq broker --help' },
    { args: ['--data', 'file'], exit: 73, line: /^mq broker: .*file.* \[CANNOT_CREATE\]$/ },
    {
      args: ['--tls-cert', 'file'],
      exit: 64,
      line: /--tls-cert and --tls-key require each other/,
      hint: 'mq broker --help',
    },
    {
      args: ['--tls-cert', 'file', '--tls-key', 'file'],
      exit: 65,
      line: /^mq broker: cannot use file and file for TLS: /,
      hint: /PEM/,
    },
    { args: ['extra'], exit: 64, line: /unexpected argument 'extra'/, hint: 'mq broker --help' },
  ];
  try {
    for (const { args, ...refusal } of rows) assertRefused(await mq(['broker', ...args], { cwd }), refusal);
  } finally {
    server.close();
  }
});

test.run();
