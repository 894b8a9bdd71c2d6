// mq wait: what it prints while no broker answers.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exitStatuses } from '../../../../src/errors.ts';
import { runCli } from '../../../support/cli.ts';

/** Runs mq wait until it has printed a line on stderr. */
function waitForLine(...options: string[]) {
  const signal = new AbortController();
  return runCli(['wait', '--url', 'amqp://127.0.0.1:1', ...options], {
    drain: signal.signal,
    onErrors: () => signal.abort('SIGTERM'),
  });
}

test('mq wait reports why the broker is not ready', async () => {
  const { status, stderr } = await waitForLine();
  assert.is(status, exitStatuses.TERMINATED);
  assert.match(stderr, /^mq wait: not yet: no broker answers at 127\.0\.0\.1:1 \(ECONNREFUSED\)\n/);
});

test('with --json each line of stderr is an object', async () => {
  const { stderr } = await waitForLine('--json');
  const [waiting, error] = stderr.split('\n', 2).map((text) => JSON.parse(text));
  assert.equal([waiting.level, waiting.event], ['warn', 'waiting']);
  assert.match(waiting.message, /^not yet: no broker answers/);
  assert.is(error.code, 'TERMINATED');
});

test.run();
