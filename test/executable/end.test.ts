// mq ends with a status and a message after a full disk, an uncaught error, or a signal.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable, mq, startMq } from '../support/mq.ts';
import { assertRefused } from '../support/refusal.ts';

async function brokerUrl(): Promise<{ env: { MQ_URL: string }; stop: () => Promise<unknown> }> {
  const broker = startMq(['broker', '--port', '0', '--json']);
  const { url } = JSON.parse(await broker.prints(/\n/)) as { url: string };
  return { env: { MQ_URL: url }, stop: broker.stop };
}

for (const command of ['--help', 'demo --json', 'check --schema', 'broker --port 0'])
  test(`mq ${command} ends with 74 when stdout is full`, async () => {
    if (process.platform === 'win32') return;
    const shell = promisify(execFile)('bash', ['-c', `timeout 60 "${executable}" ${command} > /dev/full`], {
      cwd: emptyFolder(),
    });
    const { code, stderr } = await shell.then(
      () => ({ code: 0, stderr: '' }),
      (error: { code: number; stderr: string }) => error,
    );
    assert.is(code, 74, stderr);
    assert.match(stderr, /^mq.*: cannot write to stdout: .*ENOSPC.* \[IO\]\n$/);
  });

const strays = {
  'a timer': "setTimeout(() => { throw new Error('late'); }, 1)",
  'a promise': "void Promise.reject(new Error('late'))",
};
for (const [title, stray] of Object.entries(strays))
  test(`an error in ${title} of a handler is one line on stderr, and the message stays`, async () => {
    const { env, stop } = await brokerUrl();
    const cwd = emptyFolder({ 'late.ts': `export default () => { ${stray}; return new Promise(() => {}); };` });
    await mq(['producer', 'hi'], { env });
    assertRefused(await mq(['consumer', '--handler', 'late.ts'], { env, cwd }), {
      exit: 70,
      line: 'mq consumer: uncaught error: late [BUG]',
      hint: 'it comes from a timer or a promise of the handler, or from a bug in mq; --debug prints the stack',
      before: /^waiting for messages from hello/,
    });
    assert.is((await mq(['consumer', '--until-empty'], { env })).stdout, 'hi\n');
    await stop();
  });

test('a handler that calls process.exit ends the role and keeps the message', async () => {
  const { env, stop } = await brokerUrl();
  const cwd = emptyFolder({ 'exits.ts': 'export default () => process.exit(3);' });
  await mq(['producer', 'hi'], { env });
  assertRefused(await mq(['consumer', '--handler', 'exits.ts'], { env, cwd }), {
    exit: 70,
    line: 'mq consumer: process.exit(3) ended the process before its work was done [BUG]',
    hint: "a handler module ends its role with the outcome { type: 'stop' }, not with process.exit",
    before: /^waiting for messages from hello/,
  });
  assert.is((await mq(['consumer', '--until-empty'], { env })).stdout, 'hi\n');
  await stop();
});

test('mq demo reports that SIGTERM stopped it', async () => {
  const demo = startMq(['demo']);
  await demo.prints(/Work queues/);
  const { status, stderr } = await demo.stop();
  assert.equal(
    { status, stderr },
    { status: 143, stderr: 'mq demo: stopped by SIGTERM: the demo was interrupted [TERMINATED]\n' },
  );
});

test('a sender reads its text from a pipe, and refuses an empty pipe', async () => {
  const { env, stop } = await brokerUrl();
  const config = { vhosts: { '/': { queues: { q: {} } } }, publications: { to: { queue: 'q' } } };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  assert.is((await mq(['producer'], { env, input: '{"order":1}' })).status, 0);
  const { stdout } = await mq(['consumer', '--count', '1'], { env });
  assert.is(stdout, '{"order":1}\n');
  assert.is((await mq(['publish', 'to'], { env, cwd, input: 'piped' })).status, 0);
  assertRefused(await mq(['publish', 'to'], { env, cwd }), {
    exit: 64,
    line: 'mq publish: no text was given, and standard input is empty [USAGE]',
    hint: "give the text as an argument; '' is an empty text",
  });
  assert.is((await mq(['publish', 'to', ''], { env, cwd })).status, 0);
  await stop();
});

test('--json prints only objects on stdout, even with --exec', async () => {
  const { env, stop } = await brokerUrl();
  await mq(['task', 'hi'], { env });
  const { stdout, stderr } = await mq(['worker', '--until-empty', '--json', '--exec', 'sh', '-c', 'cat; echo'], {
    env,
  });
  assert.equal(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).body),
    ['hi'],
  );
  assert.match(stderr, /^hi$/m);
  await stop();
});

test.run();
