// Tests the help texts: every option states its default, lines break between words, and summaries are short.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { actions } from '../../../src/admin/actions.ts';
import type { Option } from '../../../src/cli/arguments/option.ts';
import { optionSets } from '../../../src/cli/arguments/options.ts';
import { adminHelp } from '../../../src/cli/commands/admin/help.ts';
import { adminCommand } from '../../../src/cli/commands/admin.ts';
import { pages } from '../../../src/cli/commands/help/pages.ts';
import { optionText } from '../../../src/cli/help.ts';
import { columns, widthOf, wrapped } from '../../../src/terminal/wrap.ts';
import { runCli } from '../../support/cli.ts';
import { emptyFolder } from '../../support/mq.ts';

test('a line breaks between words, and a longer word stays whole', () => {
  assert.is(wrapped('one two three', { width: 7, indent: 0 }), 'one two\nthree');
  assert.is(wrapped('one two three', { width: 8, indent: 2 }), 'one two\n  three');
  assert.is(wrapped('a amqp://user@host:5672/vhost b', { width: 8, indent: 0 }), 'a\namqp://user@host:5672/vhost\nb');
  assert.is(wrapped('  two  spaces', { width: 80, indent: 4 }), '  two  spaces');
  assert.is(wrapped('', { width: 8, indent: 0 }), '');
});

test('wraps the right column, or moves it below on a narrow terminal', () => {
  const rows = [
    ['--a', 'what the option a does for people'],
    ['--long', 'short'],
  ] as const;
  assert.is(columns(rows, 43), ['  --a     what the option a does for people', '  --long  short'].join('\n'));
  assert.is(
    columns(rows, 42),
    ['  --a     what the option a does for', '          people', '  --long  short'].join('\n'),
  );
  assert.is(
    columns(rows, 24),
    ['  --a', '      what the option a', '      does for people', '  --long', '      short'].join('\n'),
  );
});

test('a left text that is longer than the bound has a line of its own', () => {
  const rows = [
    ['set it <to>', 'what'],
    ['show', 'one two'],
  ] as const;
  assert.is(columns(rows, 50, 4), ['  set it <to>', '        what', '  show  one two'].join('\n'));
});

test('no line of the help of mq admin is wider than the terminal', () => {
  for (const width of [80, 120]) {
    for (const words of [[], ['list'], ['check'], ['create', 'user'], ['set', 'policy']]) {
      const lines = adminHelp(adminCommand(noConfig), words, { actions, width }).split('\n');
      assert.equal(
        lines.filter((line) => line.length > width),
        [],
      );
    }
  }
});

test('a default stays on one line if it fits', () => {
  const row = ['--count N', 'stop after N messages (default no limit)'] as const;
  assert.is(columns([row], 48), ['  --count N  stop after N messages', '             (default no limit)'].join('\n'));
});

test('lines have the width of the terminal, at most 120, and 100 in a pipe', () => {
  const of = (columns: number | undefined, isTTY: boolean) =>
    widthOf({ columns, isTTY } as Parameters<typeof widthOf>[0]);
  assert.equal([of(80, true), of(300, true), of(undefined, false)], [80, 120, 100]);
});

function noConfig(): never {
  throw new Error('help reads no configuration');
}

/** Options with a value but without a default. */
const withoutDefault = ['header', 'property', 'pass-env', 'exec', 'exec-lines', 'to'];

test('every option with a value states its default, and times are durations', () => {
  for (const [set, options] of Object.entries<readonly Option[]>(optionSets)) {
    for (const option of options) {
      const { name, value } = option;
      if (value === undefined || withoutDefault.includes(name)) continue;
      assert.match(optionText(option), /\(default [^)]+\)$/, `${set} --${name}`);
      assert.is.not(value, 'SECONDS', `${set} --${name}`);
    }
  }
});

const commands = (stdout: string) => [...stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name]) => name ?? '');

test('every help fits 80 columns, and examples have the required arguments', async () => {
  const { stdout: overviewText } = await runCli(['--help'], { terminal: 80 });
  const names = commands(overviewText);
  assert.ok(names.includes('help') && names.includes('worker'));
  for (const name of ['', ...names]) {
    const { status, stdout } = await runCli([name, '--help'].filter(Boolean), { terminal: 80 });
    assert.is(status, 0);
    const lines = stdout.split('\n');
    assert.equal(
      lines.filter((line) => line.length > 80),
      [],
      name,
    );
    const isNamed = /^Usage: .*<(publication|subscription…)>/m.test(stdout);
    const examples = lines.filter((line) => line.startsWith(`  mq ${name} `));
    // A name is not needed with --exchange or --queue.
    if (isNamed)
      for (const line of examples) assert.match(line, /^ {2}mq \w+ (hello|task|rpc|--exchange \w+|--queue \w+) /);
  }
});

for (const args of [
  ['help', 'worker'],
  ['help', 'admin', 'list'],
  ['--json', 'help', 'worker'],
]) {
  test(`mq ${args.join(' ')} prints the same text as --help`, async () => {
    const { status, stdout } = await runCli(args);
    const words = args.filter((word) => word !== 'help');
    assert.equal([status, stdout], [0, (await runCli([...words, '--help'])).stdout]);
  });
}

test('mq help lists the commands and then the topics', async () => {
  const { status, stdout } = await runCli(['help'], { terminal: 80 });
  assert.is(status, 0);
  const [commands = '', topics = ''] = stdout.split('\nTopics\n');
  assert.is(commands, (await runCli(['--help'], { terminal: 80 })).stdout);
  for (const topic of Object.keys(pages())) assert.match(topics, new RegExp(`^  ${topic}  `, 'm'));
});

test('mq help <topic> prints the page, wrapped on a terminal', async () => {
  const piped = await runCli(['help', 'retries-and-dead-letters']);
  assert.equal([piped.status, piped.stdout], [0, pages()['retries-and-dead-letters']]);
  const { stdout } = await runCli(['help', 'retries-and-dead-letters'], { terminal: 60, env: { NO_COLOR: '1' } });
  const prose = stdout.split('\n').filter((line) => !line.startsWith('    '));
  assert.equal(
    prose.filter((line) => line.length > 60),
    [],
  );
  assert.not.ok(stdout.includes('\x1b'));
});

test('mq help <word> names the pages that contain the word most often', async () => {
  const { status, stderr } = await runCli(['help', 'TerminationGracePeriodSeconds']);
  assert.is(status, 64);
  assert.ok(stderr.endsWith('\nhint: these pages mention it: mq help handlers\n'), stderr);
  for (const word of ['offline', 'air-gapped'])
    assert.match((await runCli(['help', word])).stderr, /: mq help install\n$/);
  assert.match((await runCli(['help', 'sigterm'])).stderr, /: mq help handlers, mq help \S+, mq help \S+\n$/);
});

test('mq help prints the help of a command before the page of its name', async () => {
  const { stdout } = await runCli(['help', 'broker']);
  assert.is(stdout, `${(await runCli(['broker', '--help'])).stdout}\n${pages()['broker']}`);
});

for (const [typed, hint] of [
  ['halp', "did you mean 'mq help'?"],
  ['wroker', "did you mean 'mq worker'?"],
  ['admin lsit', "did you mean 'mq admin list'?"],
  ['help wroker', "did you mean 'mq help worker'?"],
  ['help publihsing', "did you mean 'mq help publishing'?"],
  ['help qwertz', 'mq help lists the commands and the topics'],
  ['dlq lst', "did you mean 'mq dlq list'? mq dlq has list, show, replay, move, edit, purge"],
  ['dlq zzz', 'mq dlq has list, show, replay, move, edit, purge'],
  ['admin lst', "did you mean 'mq admin list'?"],
  ['init workr', "did you mean 'mq init worker'? mq init has worker, rpc, topic, logs"],
  ['completions bsh', "did you mean 'mq completions bash'? mq completions has bash, zsh, fish, powershell"],
] as const) {
  test(`mq ${typed}: ${hint}`, async () => {
    const { status, stderr } = await runCli(typed.split(' '));
    assert.is(status, 64);
    assert.match(stderr, /: there (is no (command|'mq)|are no completions for) .*\[USAGE\]\n/);
    assert.ok(stderr.endsWith(`\nhint: ${hint}\n`), stderr);
  });
}

test('a default of a duration has a unit', () => {
  for (const [set, options] of Object.entries<readonly Option[]>(optionSets)) {
    for (const { name, value, default: standard = '' } of options) {
      if (value === 'DURATION') assert.not.match(standard, /^\d+$/, `${set} --${name}`);
    }
  }
});

test('mq without arguments prints the overview and ends with 64', async () => {
  const { status, stdout, stderr } = await runCli([]);
  assert.is(status, 64);
  assert.is(stderr, '');
  assert.match(stdout, /^mq: everything with a RabbitMQ broker/);
  assert.is(stdout, (await runCli(['--help'])).stdout);
});

test('the help of a role has exit statuses, variables and examples', async () => {
  for (const name of ['worker', 'task', 'rpc-server', 'rpc-client', 'subscribe', 'publish']) {
    const { stdout } = await runCli([name, '--help']);
    for (const title of ['Options', 'Exit status', 'Environment', 'Examples'])
      assert.match(stdout, `\n${title}\n`, name);
    const receives = ['worker', 'rpc-server', 'subscribe'].includes(name);
    assert.is(stdout.includes('\nExit status of an --exec command\n'), receives, name);
    assert.match(stdout, new RegExp(`\n {2}mq ${name} `), name);
    assert.equal(
      stdout.split('\n').filter((line) => line.length > 100),
      [],
      name,
    );
  }
});

test('every summary in the overview fits a line of 80 columns', async () => {
  const { stdout } = await runCli(['--help']);
  assert.equal(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
  );
});

test('mq --help lists every role on stdout', async () => {
  const { status, stdout, stderr } = await runCli(['--help']);
  assert.equal({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, /^mq: .*\n\nUsage: mq <command> \[options\]\n/);
  for (const role of ['producer', 'worker', 'receive-logs-topic', 'rpc-client', 'publish', 'check'])
    assert.match(stdout, new RegExp(`^ {2}${role} +\\S`, 'm'));
});

for (const args of [
  ['worker', '--help'],
  ['worker', '-h'],
  ['--help', 'worker'],
  ['worker', '--bogus', '--help'],
]) {
  test(`mq ${args.join(' ')} prints the help of worker`, async () => {
    const { status, stdout, stderr } = await runCli(args);
    assert.equal({ status, stderr }, { status: 0, stderr: '' });
    assert.match(stdout, /^mq worker: .*\n\nUsage: mq worker \[options\]\n/);
  });
}

test('the overview lists a role of the user, and the role has its own help', async () => {
  const roles = { thumbs: { publish: 'hello', summary: 'make thumbnails', arguments: 'key text', keyName: 'size' } };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify({ mq: { roles } }) });
  assert.match((await runCli(['--help'], { cwd })).stdout, /Roles of your rascal\.json\n {2}thumbs +make thumbnails\n/);
  const own = await runCli(['thumbs', '--help'], { cwd });
  assert.is(own.status, 0);
  assert.match(own.stdout, /^mq thumbs: make thumbnails\n\nUsage: mq thumbs \[options\] \[size \[text…\]\]\n/);
});

test('help does not require a valid rascal.json', async () => {
  const cwd = emptyFolder({ 'rascal.json': '{' });
  for (const args of [['--help'], ['worker', '--help']]) assert.is((await runCli(args, { cwd })).status, 0);
});

test.run();
