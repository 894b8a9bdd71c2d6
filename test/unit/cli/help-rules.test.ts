// Tests the help of every command and verb against rules: a short summary in the imperative, options with descriptions,
// and examples.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { actions } from '../../../src/admin/actions.ts';
import { commands } from '../../../src/cli/cli.ts';
import type { Verb } from '../../../src/cli/command.ts';
import { exampleOf } from '../../../src/cli/commands/admin/example.ts';
import { wordsOf } from '../../../src/cli/commands/admin/find-action.ts';
import { runCli } from '../../support/cli.ts';

type Helped = Pick<Verb, 'summary' | 'options' | 'examples'>;

/** Returns the broken rules of a command or verb. */
function faultsOf(name: string, { summary, options, examples }: Helped): string[] {
  return [
    ...(summary.length > 60 ? [`${name}: the summary has ${summary.length} characters`] : []),
    ...(/^[a-z]+,? \S/.test(summary) ? [] : [`${name}: the summary is not a phrase in the imperative`]),
    ...(/^[a-z]+s /.test(summary) ? [`${name}: the summary is not in the imperative`] : []),
    ...(examples.some((line) => line.includes('mq ')) ? [] : [`${name}: there is no example`]),
    ...options.filter(({ help }) => help.length < 8).map((option) => `${name}: --${option.name} has no description`),
  ];
}

test('commands and verbs have a summary, described options and an example', async () => {
  const all = await commands.all({ args: [], env: {}, cwd: import.meta.dirname } as never);
  const verbs = all.flatMap(({ name, verbs: own = {} }) =>
    Object.entries(own).map(([verb, row]) => [`${name} ${verb}`, row] as const),
  );
  assert.ok(all.length > 30 && verbs.length > 15);
  const ofAdmin = actions.map((action) => {
    const { summary } = action;
    return [`admin ${wordsOf(action)}`, { summary, options: [], examples: [`mq ${exampleOf(action)}`] }] as const;
  });
  const named = [...all.map((command) => [command.name, command] as const), ...verbs, ...ofAdmin];
  assert.equal(
    named.flatMap(([name, helped]) => faultsOf(name, helped)),
    [],
  );
  const broken = { summary: 'Lists '.repeat(12), options: [{ name: 'x', help: '' }], examples: [] };
  assert.is(faultsOf('broken', broken).length, 4);
});

test('no line of the help of a verb is wider than the terminal', async () => {
  for (const terminal of [80, 120]) {
    for (const { name, verbs = {} } of commands.fixed) {
      for (const verb of Object.keys(verbs)) {
        const { status, stdout } = await runCli([name, verb, '--help'], { terminal });
        const wide = stdout.split('\n').filter((line) => line.length > terminal);
        assert.equal([status, wide], [0, []], `${name} ${verb}`);
      }
    }
  }
});

test('the example of an admin action has a word for each argument', () => {
  for (const action of actions) {
    const { args = [], exampleOptions = '' } = action;
    const example = exampleOf(action).replace(exampleOptions, '').trimEnd();
    const words = example.replace(/'[^']*'/g, 'word').split(' ');
    assert.is(words.length, wordsOf(action).split(' ').length + 2, example);
    assert.ok(args.length === 0 || !example.includes('<'), example);
  }
});

for (const [typed, hint] of [
  ['admin list queues --password secret', /--password-file FILE, or - for standard input/],
  ['worker --password secret', /MQ_PASSWORD or MQ_PASSWORD_FILE/],
] as const) {
  test(`the hint names a safe option for a password: mq ${typed}`, async () => {
    const { status, stderr } = await runCli(typed.split(' '));
    assert.is(status, 64);
    assert.match(stderr, hint);
  });
}

test.run();
