// Tests the parsed values of a command line.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Option } from '../../../../src/cli/arguments/option.ts';
import { optionSets } from '../../../../src/cli/arguments/options.ts';
import { parse } from '../../../../src/cli/arguments/program.ts';
import type { Values } from '../../../../src/cli/arguments/values.ts';
import type { Command } from '../../../../src/cli/command.ts';

const command = (options: readonly Option[]): Command => ({
  name: 'x',
  summary: '',
  usage: '',
  group: '',
  topic: '',
  examples: [],
  options,
  run: async () => undefined,
});

test('a word after an option without a value is an argument', () => {
  const swallowed: string[] = [];
  for (const options of Object.values<readonly Option[]>(optionSets)) {
    for (const { name, short, value, bare, negatable } of options) {
      if (value !== undefined && bare === undefined) continue;
      const typed = [`--${name}`, ...(short ? [`-${short}`] : []), ...(negatable ? [`--no-${name}`] : [])];
      for (const flag of typed) {
        for (const args of [
          ['x', flag, 'word'],
          ['x', 'first', flag, 'word'],
          [flag, 'x', 'word'],
        ]) {
          const values = parse(args, command(options));
          const expected = args.filter((arg) => arg !== 'x' && arg !== flag);
          if (values.args.join() !== expected.join() || !isGiven(values, name)) swallowed.push(args.join(' '));
        }
      }
    }
  }
  assert.equal(swallowed, []);
});

function isGiven(values: Values, name: string): boolean {
  return values.flag(name) !== undefined || values.text(name) !== undefined;
}

test.run();
