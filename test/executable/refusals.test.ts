// Tests one refusal for each exit status with the executable. test/unit/cli/refusals tests the others.

import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq } from '../support/mq.ts';
import {
  addressWithCanary,
  assertNoSecret,
  assertRefused,
  assertRefusedInJson,
  canary,
  type Refusal,
} from '../support/refusal.ts';

interface Row extends Refusal {
  readonly title: string;
  readonly args: readonly string[];
}

// Port 1 refuses connections.
const env = { MQ_URL: addressWithCanary('127.0.0.1:1') };
const addressHint = 'write an address as amqp://user:password@host:port/vhost';

const rows: readonly Row[] = [
  {
    title: 'an unknown command',
    args: ['workr'],
    exit: 64,
    line: "mq workr: there is no command 'workr' [USAGE]",
    hint: "did you mean 'mq worker'?",
  },
  {
    title: 'a password that is not percent-encoded',
    args: ['producer', '--url', `amqp://mq:${canary}@h`, 'hi'],
    exit: 64,
    line: 'mq producer: --url: a special character in the user or password is not percent-encoded [USAGE]',
    hint: addressHint,
  },
  {
    title: 'a missing certificate',
    args: ['broker', '--port', '0', '--tls-cert', 'none.pem', '--tls-key', 'none.pem'],
    exit: 66,
    line: 'mq broker: cannot read none.pem: no such file or directory [NO_INPUT]',
  },
  {
    title: 'an unknown host',
    args: ['rpc-client', '--url', addressWithCanary('no-such-host.invalid'), '3'],
    exit: 68,
    line: /\[HOST_UNKNOWN\]$/,
    hint: /./,
  },
  { title: 'a closed port', args: ['producer', 'hi'], exit: 69, line: /\[UNAVAILABLE\]$/, hint: /./ },
  {
    title: 'a handler that is not a program',
    args: ['worker', '--exec', './none.sh'],
    exit: 71,
    line: /\[SYSTEM\]$/,
    hint: /./,
  },
  {
    title: 'a file in a missing folder',
    args: ['receive-logs', '--file', 'none/log.txt'],
    exit: 73,
    line: /\[CANNOT_CREATE\]$/,
  },
  { title: 'a configuration that is not JSON', args: ['check', 'bad.json'], exit: 78, line: /\[CONFIG\]$/, hint: /./ },
];

for (const { title, args, ...refusal } of rows) {
  const run = (more: readonly string[] = []) => mq([...more, ...args], { cwd: emptyFolder({ 'bad.json': '{' }), env });

  test(`${title} ends with ${refusal.exit}`, async () => assertRefused(await run(), refusal));

  if (refusal.exit !== 69) continue;

  test(`${title} is reported as one object with --json`, async () =>
    assertRefusedInJson(await run(['--json']), args[0] ?? '', refusal));

  test(`${title} is reported with a stack but no password with --debug`, async () => {
    const result = await run(['--debug']);
    assertNoSecret(result);
    assert.is(result.status, refusal.exit);
    assert.match(result.stderr, /^MqError: .*\n {4}at /m);
  });
}

test('a server that is not a broker ends with 76', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { status, stderr } = await mq(['producer', '--url', addressWithCanary(`127.0.0.1:${port}`), 'hi']);
    assert.is(status, 76, stderr);
  } finally {
    server.close();
  }
});

test.run();
