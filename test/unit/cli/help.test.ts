// The help texts: every option states its default, lines break between words, summaries are short.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { actions } from '../../../src/admin/actions.ts';
import { adminHelp } from '../../../src/cli/admin-help.ts';
import { adminCommand } from '../../../src/cli/commands/admin.ts';
import { optionText } from '../../../src/cli/help.ts';
import type { Option } from '../../../src/cli/option.ts';
import { optionSets } from '../../../src/cli/options.ts';
import { columns, widthOf, wrapped } from '../../../src/cli/wrap.ts';

test('a line breaks between words, and a longer word stays whole', () => {
  assert.is(wrapped('one two three', { width: 7, indent: 0 }), 'one two\nthree');
  assert.is(wrapped('one two three', { width: 8, indent: 2 }), 'one two\n  three');
  assert.is(wrapped('a amqp://user@host:5672/vhost b', { width: 8, indent: 0 }), 'a\namqp://user@host:5672/vhost\nb');
  assert.is(wrapped('  two  spaces', { width: 80, indent: 4 }), '  two  spaces');
  assert.is(wrapped('', { width: 8, indent: 0 }), '');
});

test('the right column is wrapped beside the left one, or below it on a narrow terminal', () => {
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
    for (const words of [[], ['list'], ['check'], ['create', 'user']]) {
      const lines = adminHelp(adminCommand(noConfig), words, { actions, width }).split('\n');
      assert.equal(
        lines.filter((line) => line.length > width),
        [],
      );
    }
  }
});

test('a default stays on one line where it fits', () => {
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

/** Options whose absence has no value of its own. */
const withoutDefault = ['header', 'property', 'pass-env', 'exec', 'exec-lines'];

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

test.run();
