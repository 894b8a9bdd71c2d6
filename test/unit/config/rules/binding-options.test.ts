// Tests the warning about arguments of a binding that are one level too deep.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkConfigText } from '../../../../src/config/check.ts';
import { problemLine } from '../../../../src/config/reading/problem.ts';
import { builtin } from '../fixture.ts';

function warningsOf(bindings: unknown): string[] {
  const exchanges = { h: { type: 'headers' } };
  const text = JSON.stringify({ vhosts: { '/': { exchanges, queues: ['a'], bindings } } });
  const { problems, warnings = [] } = checkConfigText(text, { file: 'f', env: {}, builtin });
  assert.equal(problems, []);
  return warnings.map((one) => problemLine('f', one).replace(/^f:\d+:\d+: /, ''));
}

const binding = { source: 'h', destination: 'a' };
const options = { 'x-match': 'any', colour: 'red' };

test('warns about arguments of a binding in the form that queues use', () => {
  const nested = { ...binding, options: { arguments: options } };
  assert.equal(warningsOf({ one: nested }), [
    `vhosts["/"].bindings.one.options.arguments: is one argument with the name 'arguments', because the options of a binding are its arguments; instead: "options": {"x-match":"any","colour":"red"}`,
  ]);
  assert.is(warningsOf([{ ...nested, name: 'one' }]).length, 1);
});

test('accepts arguments in the options', () => {
  assert.equal(warningsOf({ one: { ...binding, options } }), []);
  assert.equal(warningsOf(['h -> a']), []);
});

test.run();
