// Tests mq demo, the first command that a new user runs.

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq } from '../support/mq.ts';

interface Event {
  readonly scenario: number;
  readonly command: string;
  readonly did: 'sent' | 'got';
  readonly text: string;
}

/**
 * Returns the messages of a scenario and the command that received each. Which worker receives a task is not fixed, so
 * the arguments of `mq worker` are omitted.
 */
function gotIn(events: readonly Event[], scenario: number): string[] {
  return events
    .filter((event) => event.scenario === scenario && event.did === 'got')
    .map(({ command, text }) => `${command.replace(/^(mq worker) .*/, '$1')}: ${text}`)
    .toSorted();
}

test('mq demo runs the six scenarios and shows which role received what', async () => {
  const { status, stdout, stderr } = await mq(['demo', '--json']);
  assert.equal({ status, stderr }, { status: 0, stderr: '' });
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  assert.equal(gotIn(events, 1), ['mq consumer: Hello World!']);
  assert.equal(gotIn(events, 2), [
    'mq worker: a long task.',
    'mq worker: a task',
    'mq worker: another task',
    'mq worker: one more task',
  ]);
  assert.equal(gotIn(events, 3), [
    'mq receive-logs (1): info: the server has started',
    'mq receive-logs (2): info: the server has started',
  ]);
  assert.equal(gotIn(events, 4), [
    'mq receive-logs-direct error: the disk is full',
    'mq receive-logs-direct info warning error: a user logged in',
    'mq receive-logs-direct info warning error: the disk is full',
  ]);
  assert.equal(gotIn(events, 5), [
    "mq receive-logs-topic '#': a kernel error",
    "mq receive-logs-topic '#': a login",
    "mq receive-logs-topic '*.critical': a kernel error",
    "mq receive-logs-topic 'kern.*': a kernel error",
  ]);
  assert.equal(gotIn(events, 6), ['mq rpc-client 30: 832040', 'mq rpc-server: 30']);
});

test('the picture of README.md shows the output of mq demo (npm run demo)', async () => {
  const { stdout } = await mq(['demo']);
  const picture = readFileSync(new URL('../../.github/demo.svg', import.meta.url), 'utf8');
  for (const line of stdout.split('\n').filter((text) => text !== ''))
    assert.ok(picture.includes(line.replace(/^ *[→←] /, '').split(/ {2,}/)[0] ?? ''), line);
});

test('mq demo prints text for people and ignores rascal.json', async () => {
  const { status, stdout, stderr } = await mq(['demo'], { cwd: emptyFolder({ 'rascal.json': '{ broken' }) });
  assert.equal({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, "\n  → mq emit-log-topic kern.critical 'a kernel error'\n");
  assert.not.match(stdout, '\u001b');
});

test.run();
