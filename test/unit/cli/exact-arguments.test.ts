// Tests arguments that are not UTF-8. They keep their bytes if the system provides them; otherwise mq refuses them.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exactArguments, refuseBytes } from '../../../src/cli/exact-arguments.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const decoded = (text: string) => bytes(text).toString();

test('reads the bytes at the end of the command line, after those for Node', () => {
  const args = ['producer', 'caf\xe9', ''];
  const line = () => bytes('node\0--flag\0main.js\0producer\0caf\xe9\0\0');
  assert.equal(exactArguments(args.map(decoded), line), ['producer', 'caf\udce9', '']);
});

test('UTF-8 arguments stay unchanged, even with a typed U+FFFD', () => {
  assert.equal(
    exactArguments(['grüße'], () => undefined),
    ['grüße'],
  );
  assert.equal(
    exactArguments(['\ufffd'], () => Buffer.from('mq\0\ufffd\0')),
    ['\ufffd'],
  );
});

for (const line of [undefined, bytes(''), bytes('mq\0another\0'), bytes('mq')]) {
  test(`refuses an argument whose bytes are unknown: ${line}`, () => {
    const args = exactArguments(['producer', decoded('caf\xe9')], () => line);
    assert.throws(() => refuseBytes(args, { takesBytes: true }), /'caf\?' is not UTF-8/);
  });
}

test('accepts any bytes in messages, and refuses them in values that are text', () => {
  const any = 'caf\udce9';
  for (const option of ['header', 'property', 'routing-key', 'file']) {
    refuseBytes([`--${option}`, `\0${any}`], { takesBytes: false });
  }
  refuseBytes(['producer', `\0${any}`], { takesBytes: true });
  for (const argv of [
    ['list', `\0${any}`],
    ['--exec', `\0${any}`],
    ['--url', `\0${any}`],
  ]) {
    assert.throws(() => refuseBytes(argv, { takesBytes: false }), /is not UTF-8/);
  }
});

test.run();
