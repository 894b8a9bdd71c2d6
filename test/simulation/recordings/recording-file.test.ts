// Tests the check of a recording against what mq record has reported.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkRecording } from './recording-file.ts';

const first = '{"mq":"recording"}\n';
const line = '{"body":"one"}\n';
const whole = `${first}${line}{"end":true,"count":1}\n`;
const endedWith = (status: number | undefined, stderr: string) => ({ end: { status }, signals: [], stderr });

function violationsOf(text: string, status: number | undefined, stderr = 'mq record: 1 message recorded'): number {
  return checkRecording(endedWith(status, stderr), Buffer.from(text)).length;
}

test('accepts a complete file', () => {
  assert.is(violationsOf(whole, 0), 0);
  assert.is(violationsOf(whole, 69), 0);
});

test('reports a message that mq has recorded and that is not in the file', () => {
  assert.is(violationsOf(first, undefined), 1);
  assert.is(violationsOf(`${first}${line.slice(0, -1)}`, undefined), 1);
});

test('reports a file without its last line, unless mq was killed', () => {
  const cut = first + line;
  assert.equal([violationsOf(cut, 0), violationsOf(cut, 69)], [1, 1]);
  assert.equal([violationsOf(cut, undefined), violationsOf(cut, 74)], [0, 0]);
  assert.is(violationsOf(`${whole}more`, 0), 1);
});

test.run();
