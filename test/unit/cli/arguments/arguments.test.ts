// Tests arguments that mq refuses before it connects to a broker.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';

/** No server listens on port 1, so a command line that mq accepts ends with 69. */
const env = { MQ_URL: 'amqp://127.0.0.1:1' };

async function refused(args: readonly string[], line: string, hint: string, cwd?: string): Promise<void> {
  const { status, stdout, stderr } = await runCli(args, { env, ...(cwd && { cwd }) });
  assert.equal([status, stdout], [64, '']);
  assert.is(stderr, `${line} [USAGE]\nhint: ${hint}\n`);
}

for (const [name, args, word] of [
  ['a sender', ['task', '--wait', '3', 'hello'], '3'],
  ['a sender of requests', ['rpc-client', '--wait', '30s'], '30s'],
  ['a receiver', ['worker', '--wait', '1.5m'], '1.5m'],
  ['a command after its options', ['--wait', '3', 'task', 'hello'], '3'],
] as const) {
  test(`refuses a duration after --wait without '=': ${name}`, () =>
    refused(
      args,
      `mq${args[0] === '--wait' ? '' : ` ${args[0]}`}: --wait accepts a value only after '='`,
      `write --wait=${word}; if '${word}' is an argument, put -- before it`,
    ));
}

for (const option of ['persistent', 'mandatory']) {
  test(`refuses true and false after --${option}`, () =>
    refused(
      ['task', `--${option}`, 'false', 'hello'],
      `mq task: --${option} accepts no value`,
      `write --${option} or --no-${option}; if 'false' is an argument, put -- before it`,
    ));
}

for (const args of [
  ['task', '--wait=1ms', '3'],
  ['task', '--json', '--wait=1ms', '--', '3'],
  ['task', '--wait=1ms', '--no-persistent', '--', 'false'],
  ['task', 'hello', '3', '--wait=1ms'],
]) {
  test(`accepts ${args.join(' ')}`, async () => assert.is((await runCli(args, { env })).status, 69));
}

for (const [name, args] of Object.entries({
  web: [],
  broker: [],
  demo: [],
  wait: [],
  declare: [],
  plan: [],
  worker: [],
  health: ['9464'],
  check: ['rascal.json'],
  init: ['worker'],
  completions: ['bash'],
  'dlq list': ['task'],
  'dlq show': ['task', 'id'],
  'dlq list --queue q': [],
  'cluster status': [],
  'admin whoami': [],
})) {
  test(`mq ${name} refuses an argument that it does not expect`, async () => {
    const { status, stderr } = await runCli([...name.split(' '), ...args, 'extra'], { env });
    assert.is(status, 64);
    assert.match(stderr, /: unexpected argument 'extra' \[USAGE\]\nhint: /);
  });
}

for (const args of [
  ['worker', '--max-body'],
  ['broker', '--memory'],
  ['admin', 'whoami', '--max-answer'],
]) {
  test(`mq ${args.join(' ')} refuses the size 10 MB`, async () => {
    const { status, stderr } = await runCli([...args, '10 MB'], { env });
    assert.is(status, 64);
    assert.match(stderr, /must be a size in bytes \(65536, 512MiB or 2GiB\), not '10 MB' \[USAGE\]/);
  });
}

for (const [value, why] of [
  ['99999999999999999999', "99999999999999999999 is outside the range of the type 'long'"],
  ['[1,{"a":-99999999999999999999}]', "-99999999999999999999 is outside the range of the type 'long'"],
  ['{"!":"byte","value":300}', "300 is outside the range of the type 'byte'"],
  ['{"!":"timestamp","value":-1}', "-1 is outside the range of the type 'timestamp'"],
  ['{"!":"long","value":"x"}', 'the value is not an integer'],
  ['{"!":"short","value":1.5}', 'the value is not an integer'],
  ['1e400', "1e400 is outside the range of the type 'double'"],
] as const) {
  test(`refuses the header ${value}`, () =>
    refused(['task', '--header', `n:=${value}`, 'hi'], `mq task: --header n: ${why}`, 'mq task --help'));
}

test('mq worker refuses a --handler file that is not JavaScript or TypeScript', async () => {
  const cwd = emptyFolder({ 'work.py': 'print(1)\n' });
  const { status, stderr } = await runCli(['worker', '--handler', 'work.py'], { env, cwd });
  assert.is(status, 78);
  assert.match(
    stderr,
    /^mq worker: cannot load work\.py: a module is JavaScript or TypeScript .*\nhint: .*--exec-lines/,
  );
});

const own = {
  vhosts: { '/': { queues: { jobs: {} } } },
  publications: { jobs: { queue: 'jobs' } },
  mq: { roles: { work: { publish: 'jobs' } } },
};

for (const [args, line, hint] of [
  [['publish'], 'mq publish: give the name of a publication; the publications are jobs', 'mq publish --help'],
  [['publish', 'nothing', 'hi'], "mq publish: there is no publication 'nothing'", 'the publications are jobs'],
  [['subscribe', 'nothing'], "mq subscribe: there is no subscription 'nothing'", 'rascal.json has no subscription'],
] as const) {
  test(`lists the names of the user's file only: mq ${args.join(' ')}`, () =>
    refused(args, line, hint, emptyFolder({ 'rascal.json': JSON.stringify(own) })));
}

test.run();
