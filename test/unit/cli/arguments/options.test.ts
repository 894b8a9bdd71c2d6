// Tests the table of options. An option has the same form in all commands, because it may precede the command's name.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Option } from '../../../../src/cli/arguments/option.ts';
import { allOptions, optionSets } from '../../../../src/cli/arguments/options.ts';
import { commandName } from '../../../../src/cli/arguments/program.ts';
import { runCli } from '../../../support/cli.ts';

/** Returns how an option accepts a value. */
function formOf({ value, bare, rest, negatable }: Option): string {
  if (rest) return 'all following arguments';
  if (bare !== undefined) return 'a value after =';
  if (value !== undefined) return 'a value';
  return negatable ? 'no value, negatable' : 'no value';
}

/** Returns the names that have several forms. */
function ambiguous(options: readonly Option[]): string[] {
  const names = [...new Set(options.flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])]))];
  return names.filter((typed) => {
    const same = options.filter(({ name, short }) => typed === `--${name}` || typed === `-${short}`);
    const forms = same.map((option) => `${typed.startsWith('--') ? '' : option.name} ${formOf(option)}`);
    return new Set(forms).size > 1;
  });
}

test('one option name has one form in all commands and verbs', () => {
  assert.equal(ambiguous(allOptions), []);
  const twice: Option[] = [
    { name: 'lines', help: '' },
    { name: 'lines', value: 'N', help: '' },
  ];
  assert.equal(ambiguous(twice), ['--lines']);
});

test('every option may precede the command', () => {
  const lost = Object.entries<readonly Option[]>(optionSets).flatMap(([set, options]) =>
    options.filter(({ name, value, bare, rest }) => {
      const typed = value !== undefined && bare === undefined ? [`--${name}`, '5'] : [`--${name}`];
      return !rest && commandName([...typed, set]) !== set;
    }),
  );
  assert.equal(lost, []);
});

for (const args of [
  ['--tail', '5', 'cluster', 'logs', '--tail'],
  ['--nodes', '5', 'cluster', 'up', '--nodes'],
  ['--count', '5', 'dlq', 'list', 'task', '--count'],
]) {
  test(`finds the command of: mq ${args.join(' ')}`, async () => {
    const { status, stderr } = await runCli(args);
    assert.is(status, 64);
    assert.match(stderr, new RegExp(`^mq ${args[2]}: ${args[0]} requires a value: N \\[USAGE\\]`));
  });
}

test.run();
