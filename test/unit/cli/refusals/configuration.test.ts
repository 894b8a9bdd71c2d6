// Tests files that mq refuses as a rascal.json before it opens a connection.

import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';
import { addressWithCanary } from '../../../support/refusal.ts';
import { connection, type Row, rascal, refuses } from './rows.ts';

const keyFile = join(emptyFolder({ 'key.pem': '-----BEGIN PRIVATE KEY-----' }), 'key.pem');

refuses([
  {
    title: 'binding keys of a shared queue if roles declare nothing',
    args: ['work', 'a', '--no-declare'],
    files: rascal({
      vhosts: { '/': { exchanges: ['e'], queues: ['q'], bindings: ['e -> q'] } },
      subscriptions: { q: { queue: 'q' } },
      mq: { roles: { work: { consume: 'q', arguments: 'keys' } } },
    }),
    exit: 64,
    line: "mq work: the role declares nothing, so it cannot bind the queue 'q' with these keys [USAGE]",
    hint: 'add the bindings to rascal.json and run mq apply, or use --declare',
  },
  {
    title: 'an unknown publication of mq publish, with a similar name',
    args: ['publish', 'tsak', 'text'],
    exit: 64,
    line: "mq publish: there is no publication 'tsak'; did you mean 'task'? [USAGE]",
    hint: 'the publications are hello, task, logs, direct_logs, topic_logs, rpc',
  },
  {
    title: 'an unknown subscription of mq subscribe, without a similar name',
    args: ['subscribe', 'nothing-like-it'],
    exit: 64,
    line: "mq subscribe: there is no subscription 'nothing-like-it' [USAGE]",
    hint: 'the subscriptions are hello, task, logs, direct_logs, topic_logs, rpc',
  },
  {
    title: 'a missing certificate file',
    args: ['broker', '--port', '0', '--tls-cert', 'none.pem', '--tls-key', 'none.pem'],
    exit: 66,
    line: 'mq broker: cannot read none.pem: no such file or directory [NO_INPUT]',
  },
  ...[
    ['wait', '--url', 'amqps://127.0.0.1:1'],
    ['admin', 'whoami', '--management-url', 'https://127.0.0.1:1'],
  ].map(
    (args): Row => ({
      title: `mq ${args[0]} with a file of --ca that has no certificate`,
      args: [...args, '--ca', keyFile],
      exit: 65,
      line: `mq ${args[0]}: ${keyFile} contains no certificate [BAD_DATA]`,
      hint: 'a certificate in PEM begins with -----BEGIN CERTIFICATE-----',
    }),
  ),
  {
    title: 'a missing file of --config',
    args: ['producer', '--config', 'none.json', 'hi'],
    exit: 66,
    line: 'mq producer: cannot read the configuration none.json: no such file [NO_INPUT]',
    hint: '--config names this file',
    everyStyle: true,
  },
  {
    title: 'a missing file of MQ_CONFIG',
    args: ['worker'],
    env: { MQ_CONFIG: 'none.json' },
    exit: 66,
    line: 'mq worker: cannot read the configuration none.json: no such file [NO_INPUT]',
    hint: 'MQ_CONFIG names this file',
  },
  {
    title: 'a folder as the configuration',
    args: ['producer', '--config', '/', 'hi'],
    exit: 66,
    line: 'mq producer: cannot read the configuration /: it is a directory [NO_INPUT]',
    hint: '--config names this file',
  },
  ...['trust', 'check'].map(
    (command): Row => ({
      title: `a missing file as the argument of mq ${command}`,
      args: [command, 'none.json'],
      exit: 66,
      line: `mq ${command}: cannot read the configuration none.json: no such file [NO_INPUT]`,
    }),
  ),
  {
    title: 'mq check without a rascal.json',
    args: ['check'],
    exit: 66,
    line: 'mq check: there is no rascal.json in this folder [NO_INPUT]',
    hint: 'mq check FILE checks another file',
  },
  {
    title: 'mq check with a missing file',
    args: ['check', 'none.json'],
    exit: 66,
    line: 'mq check: cannot read the configuration none.json: no such file [NO_INPUT]',
  },
  {
    title: 'a configuration that is not valid JSON, with line and column',
    args: ['producer', 'hi'],
    files: rascal('{\n  "vhosts": {\n    "/": { "queues": { "a": tru } }\n  }\n}'),
    exit: 78,
    line: 'mq producer: rascal.json:3:29: unexpected token [CONFIG]',
    hint: 'mq checks the rest of the file when it is valid JSON',
    everyStyle: true,
  },
  {
    title: 'an empty configuration',
    args: ['producer', 'hi'],
    files: rascal(''),
    exit: 78,
    line: 'mq producer: rascal.json:1:1: the file is empty [CONFIG]',
  },
  {
    title: 'a configuration that is a list',
    args: ['producer', 'hi'],
    files: rascal('[]'),
    exit: 78,
    line: 'mq producer: rascal.json:1:1: must be an object (not a list) [CONFIG]',
  },
  {
    title: 'a configuration that is not UTF-8',
    args: ['producer', '--config', '/bin/sh', 'hi'],
    exit: 78,
    line: 'mq producer: /bin/sh is not UTF-8 [CONFIG]',
  },
  {
    title: 'an unknown attribute',
    args: ['producer', 'hi'],
    files: rascal({ publicatoins: {} }),
    exit: 78,
    line: 'mq producer: rascal.json:1:2: publicatoins: unknown key (did you mean "publications"?) [CONFIG]',
  },
  {
    title: 'an unknown publication of a role',
    args: ['producer', 'hi'],
    files: rascal({ mq: { roles: { mine: { publish: 'helo' } } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:35: mq.roles.mine.publish: unknown publication "helo" (did you mean "hello"?) [CONFIG]',
  },
  {
    title: 'an unknown subscription of a role',
    args: ['producer', 'hi'],
    files: rascal({ mq: { roles: { mine: { consume: 'nothing' } } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:35: mq.roles.mine.consume: unknown subscription "nothing" [CONFIG]',
  },
  {
    title: 'an unknown exchange type',
    args: ['producer', 'hi'],
    files: rascal({ vhosts: { '/': { exchanges: { e: { type: 'topc' } } } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:42: vhosts["/"].exchanges.e.type: must be direct, fanout, topic, headers or x-…, not "topc" (did you mean "topic"?) [CONFIG]',
  },
  {
    title: 'a binding to a missing queue',
    args: ['producer', 'hi'],
    files: rascal({ vhosts: { '/': { exchanges: ['e'], bindings: ['e -> nope'] } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:47: vhosts["/"].bindings[0]: unknown queue "nope" [CONFIG]',
  },
  {
    title: 'a missing environment variable',
    args: ['producer', 'hi'],
    files: rascal(
      JSON.stringify({ publications: { p: { queue: '$NAME' } } }).replace('$NAME', ['$', '{NOPE}'].join('')),
    ),
    exit: 78,
    line: /^mq producer: rascal\.json:1:32: publications\.p\.queue: the environment variable NOPE is not set; set it, or write a default: .* \[CONFIG\]$/,
  },
  {
    title: 'several problems, one line each',
    args: ['producer', 'hi'],
    files: rascal({ publicatoins: {}, vhosts: { '/': { queue: {} } } }),
    exit: 78,
    line: 'mq producer: rascal.json has 2 problems [CONFIG]',
    problems: [
      'rascal.json:1:2: publicatoins: unknown key (did you mean "publications"?)',
      'rascal.json:1:35: vhosts["/"].queue: unknown key (did you mean "queues"?)',
    ],
  },
  {
    title: 'an address in rascal.json with an invalid port',
    args: ['producer', 'hi'],
    files: connection(addressWithCanary('h:99999')),
    exit: 78,
    line: 'mq producer: rascal.json:1:30: vhosts["/"].connection: the port is not a number from 1 to 65535; write an address as amqp://user:password@host:port/vhost [CONFIG]',
    everyStyle: true,
  },
  {
    title: 'a role with the name of an option',
    args: ['producer', 'hi'],
    files: rascal({ mq: { roles: { '--json': { publish: 'hello' } } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:26: mq.roles.--json: the name of a role may contain only letters, digits and _ . : - [CONFIG]',
  },
  {
    title: 'a role with the name of a command',
    args: ['check'],
    files: rascal({ mq: { roles: { publish: { publish: 'hello' } } } }),
    exit: 78,
    line: 'mq check: rascal.json:1:27: mq.roles.publish: mq has a command of this name; rename the role [CONFIG]',
  },
  {
    title: 'a role with the name of a command, and another problem',
    args: ['check'],
    files: rascal({ mq: { roles: { demo: { publish: 'hello' }, mine: { publish: 'helo' } } } }),
    exit: 78,
    line: 'mq check: rascal.json has 2 problems [CONFIG]',
    problems: [
      'rascal.json:1:24: mq.roles.demo: mq has a command of this name; rename the role',
      'rascal.json:1:62: mq.roles.mine.publish: unknown publication "helo" (did you mean "hello"?)',
    ],
  },
]);

test('mq check --json prints each problem as one JSON line', async () => {
  const cwd = emptyFolder(rascal('{\n"x": 1,\n"publications": { "p": { "queue": "no" } } }'));
  const { status, stdout, stderr } = await runCli(['check', '--json'], { cwd });
  assert.is(status, 78);
  const problems = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  assert.equal(problems, [
    { file: 'rascal.json', code: 'unknown-key', path: 'x', line: 2, column: 1, message: 'unknown key' },
    {
      file: 'rascal.json',
      code: 'reference',
      path: 'publications.p.queue',
      line: 3,
      column: 35,
      message: 'unknown queue "no"',
    },
  ]);
  assert.equal(JSON.parse(stderr), { level: 'error', code: 'CONFIG', exit: 78, message: 'rascal.json has 2 problems' });
});

test('a role may be named json or constructor', async () => {
  const roles = { json: { publish: 'hello' }, constructor: { publish: 'hello' } };
  const cwd = emptyFolder(rascal({ mq: { roles } }));
  for (const name of Object.keys(roles)) {
    const { status, stdout } = await runCli([name, '--help'], { cwd });
    assert.is(status, 0);
    assert.match(stdout, `Usage: mq ${name} [options] [text…]`);
  }
});

test.run();
