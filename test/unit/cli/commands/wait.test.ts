// mq wait: what it prints while no broker answers.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';

const line = ['wait', '--timeout', '500ms', '--url', 'amqp://127.0.0.1:1'];

test('mq wait reports why the broker is not ready', async () => {
  const { status, stderr } = await runCli(line);
  assert.is(status, 69);
  assert.match(stderr, /^mq wait: not yet: no broker answers at 127\.0\.0\.1:1 \(ECONNREFUSED\)\n/);
});

test('with --json each line of stderr is an object', async () => {
  const { stderr } = await runCli([...line, '--json']);
  const [waiting, error] = stderr.split('\n', 2).map((text) => JSON.parse(text));
  assert.equal([waiting.level, waiting.event], ['warn', 'waiting']);
  assert.match(waiting.message, /^not yet: no broker answers/);
  assert.is(error.code, 'UNAVAILABLE');
});

test.run();
