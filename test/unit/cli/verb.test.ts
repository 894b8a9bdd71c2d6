// Tests the verbs of commands: how mq finds them, their options, help and completions.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { completions } from '../../../src/cli/cli.ts';
import { runCli } from '../../support/cli.ts';

for (const [typed, name, others] of [
  ['cluster logs --nodes 3', 'cluster logs', 'mq cluster up'],
  ['cluster list --name x', 'cluster list', 'mq cluster up, mq cluster status, mq cluster url'],
  ['--force cluster down', 'cluster down', 'mq cluster stop'],
  ['dlq show task 1 --yes', 'dlq show', 'mq dlq replay, mq dlq edit, mq dlq purge'],
  ['dlq list task --to parked', 'dlq list', 'mq dlq move'],
  ['test merge a.json --on cluster', 'test merge', 'mq test'],
  ['admin list queues --if-empty', 'admin list queues', 'mq admin delete queue'],
] as const) {
  test(`refuses an option of another verb: mq ${typed}`, async () => {
    const { status, stderr } = await runCli(typed.split(' '));
    assert.is(status, 64);
    const option = /--[a-z-]+/.exec(typed)?.[0];
    const [command = '', ...verb] = name.split(' ');
    assert.ok(stderr.startsWith(`mq ${command}: '${verb.join(' ')}' has no option ${option} [USAGE]\n`), stderr);
    assert.ok(stderr.includes(`hint: ${option} is an option of ${others}`), stderr);
  });
}

for (const [typed, hint] of [
  ['cluster statsu', "did you mean 'mq cluster status'? mq cluster has up, status, list, "],
  ['dlq lst', "did you mean 'mq dlq list'? mq dlq has list, show, replay, move, edit, purge"],
  ['admin lst', "did you mean 'mq admin list'?"],
  ['admin list queus', "did you mean 'mq admin list queues'?"],
  ['admin queues list', "did you mean 'mq admin list queues'?"],
] as const) {
  for (const line of [`${typed} --help`, `help ${typed}`]) {
    test(`refuses to print the help of an unknown verb: mq ${line}`, async () => {
      const { status, stdout, stderr } = await runCli(line.split(' '));
      assert.equal([status, stdout], [64, '']);
      const [error = '', second = ''] = stderr.split('\n');
      const command = line.startsWith('help') ? 'help' : typed.split(' ')[0];
      assert.ok(error.startsWith(`mq ${command}: there is no 'mq ${typed.split(' ')[0]} `), stderr);
      assert.ok(second.startsWith(`hint: ${hint}`), stderr);
    });
  }
}

for (const [typed, hint] of [
  ['cluster', 'mq cluster --help'],
  ['cluster stop', 'mq cluster stop --help'],
  ['cluster forget mq1 mq2', 'mq cluster forget --help'],
  ['dlq move task', 'mq dlq move --help'],
  ['test merge', 'mq test merge --help'],
] as const) {
  test(`names the help of the verb: mq ${typed}`, async () => {
    const { status, stderr } = await runCli(typed.split(' '));
    assert.equal([status, stderr.split('\n')[1]], [64, `hint: ${hint}`]);
  });
}

test('prints the help of one verb, with the options before or after it', async () => {
  const typed = ['cluster up --help', '--help cluster up', 'cluster --name x up -h', 'help cluster up'];
  const texts = await Promise.all(typed.map(async (line) => (await runCli(line.split(' '))).stdout));
  assert.equal(new Set(texts).size, 1);
  assert.match(texts[0] ?? '', /^mq cluster up: .*\n\nUsage: mq cluster up \[options\]\n\nOptions\n/);
});

test('the help of a command lists its verbs and the common options', async () => {
  const { stdout } = await runCli(['cluster', '--help']);
  assert.match(stdout, /\nUsage: mq cluster <verb> \[options\]\n\nVerbs\n {2}up /);
  assert.match(stdout, /\nOptions of every verb\n {2}--json/);
  assert.not.match(stdout, /--nodes N/);
  assert.not.match((await runCli(['connection', '--help'])).stdout, /Options of every verb/);
});

for (const [typed, expected] of [
  ['cluster st', ['status', 'stop', 'start']],
  ['cluster logs --', ['--tail', '--follow', '--name', '--json', '--debug', '--help']],
  ['cluster --', ['--json', '--debug', '--help']],
  ['--tail 5 cluster lo', ['logs']],
  ['cluster url --of m', ['management']],
  ['dlq re', ['replay']],
  ['dlq list ta', ['task']],
  [
    'dlq show task --',
    ['--queue', '--timeout', '--url', '--url-file', '--connection', '--ca', '--cert', '--key', '--key-password-file'],
  ],
  ['admin whoami --c', ['--columns', '--connection', '--config', '--ca']],
] as const) {
  test(`completes: mq ${typed}`, async () => {
    const answer = await completions(['--', ...typed.split(' ')], { env: {}, cwd: import.meta.dirname });
    const words = answer.split('\n').slice(1, -1);
    const found = words.map((line) => line.split('\t')[0] ?? '');
    assert.equal(found.slice(0, expected.length), expected);
  });
}

test.run();
