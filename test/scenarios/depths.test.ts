// mq admin shows the current depth of queues instead of statistics that are seconds old.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objects } from '../support/cli.ts';
import { mq } from '../support/mq.ts';
import { until } from '../support/until.ts';
import { testVhost } from '../support/vhost.ts';

const vhost = await testVhost();
test.after(vhost.remove);
const env = { MQ_URL: vhost.url, MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') };

async function good(args: readonly string[], input = ''): Promise<string> {
  const { status, stdout, stderr } = await mq(args, { env, input });
  assert.is(status, 0, stderr);
  return stdout;
}

function publish(queue: string): Promise<unknown> {
  return vhost.api('POST', `/api/exchanges/${vhost.name}/amq.default/publish`, {
    properties: {},
    routing_key: queue,
    payload: 'x',
    payload_encoding: 'string',
  });
}

for (const type of ['classic', 'quorum'])
  test(`the depth of a ${type} queue is exact after a publish and a purge`, async () => {
    const queue = `now-${type}`;
    const admin = (...words: string[]) => good(['admin', ...words]);
    const depths = async () => {
      const columns = ['--columns', 'name,messages,messages_ready', '--json'];
      const listed = objects({ stdout: await admin('list', 'queues', '--sort', '-messages', ...columns) });
      const shown = objects({ stdout: await admin('show', 'queue', queue, ...columns) });
      return [...listed.filter(({ name }) => name === queue), ...shown].map((one) => [
        one['messages'],
        one['messages_ready'],
      ]);
    };
    await admin('create', 'queue', queue, '--type', type);
    await publish(queue);
    assert.equal(await depths(), [
      [1, 1],
      [1, 1],
    ]);
    await admin('purge', 'queue', queue, '--yes');
    assert.equal(await depths(), [
      [0, 0],
      [0, 0],
    ]);
    assert.is(await admin('list', 'queues', '--filter', 'amq.gen', '--no-headers'), '');
  });

test('the page of the deepest queues is complete right after a publish', async () => {
  const list = async (...words: string[]) => {
    const columns = ['--columns', 'name,messages,consumers', '--json'];
    return objects({ stdout: await good(['admin', 'list', 'queues', '--filter', 'page-', ...words, ...columns]) });
  };
  for (const name of ['a', 'b', 'c']) await good(['admin', 'create', 'queue', `page-${name}`, '--type', 'classic']);
  await until('the statistics of all queues', async () => (await list()).every(({ consumers }) => consumers === 0));
  await publish('page-b');
  assert.equal(await list('--sort', '-messages', '--limit', '1'), [{ name: 'page-b', messages: 1, consumers: 0 }]);
});

test.run();
