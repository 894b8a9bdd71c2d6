// Tests which counts mq admin check queue compares, with an API and an AMQP connection that answer differently.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Call } from '../../../../src/admin/action.ts';
import { queueCheckAction } from '../../../../src/admin/actions/queue-check.ts';

interface Answers {
  readonly type: string;
  /** The answer of the API with statistics. */
  readonly statistics: object;
}

async function checked({ type, statistics }: Answers): Promise<{ line: string; said: string[] }> {
  const said: string[] = [];
  const body = (path: string) => (path.includes('disable_stats') ? { type, state: 'running' } : statistics);
  const call = {
    action: queueCheckAction,
    api: { ask: async (_: string, path: string) => ({ status: 200, body: body(path) }) },
    vhost: '/',
    arg: () => 'jobs',
    text: () => undefined,
    flag: () => undefined,
    whole: (name: string) => (name === 'max-ready' ? 5 : undefined),
    depths: async () => new Map([['jobs', { ready: 0, consumers: 0 }]]),
    say: (line: string) => said.push(line),
    // The action uses only these parts of a call.
  } as unknown as Call;
  const result = await queueCheckAction.run(call);
  return { line: result.kind === 'done' ? result.line : '', said };
}

const twenty = { messages_ready: 20, messages_unacknowledged: 0, consumers: 2 };

test('compares the statistics of a stream, and not the count over AMQP', async () => {
  assert.equal(await checked({ type: 'stream', statistics: twenty }), {
    line: 'failed: queue jobs in vhost /: 20 ready (max 5), 0 unacknowledged, 2 consumers',
    said: ['the counts may be up to 5 s old, because the queue is a stream'],
  });
});

test('does not report a new stream as empty before RabbitMQ has counted it', async () => {
  const error = await checked({ type: 'stream', statistics: [] }).catch((thrown: { code: string }) => thrown);
  assert.is('code' in error && error.code, 'UNAVAILABLE');
});

test('compares the ready messages that AMQP counts in a queue', async () => {
  const { line, said } = await checked({ type: 'quorum', statistics: twenty });
  assert.is(line, 'ok: queue jobs in vhost /: 0 ready (max 5), 0 unacknowledged, 0 consumers');
  assert.equal(said, []);
});

test.run();
