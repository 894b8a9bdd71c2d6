// Depths that mq admin shows are those of now, not those of statistics that are seconds old.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objects } from '../support/cli.ts';
import { mq } from '../support/mq.ts';
import { testVhost } from '../support/vhost.ts';

const vhost = await testVhost();
test.after(vhost.remove);
const env = { MQ_URL: vhost.url, MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') };

async function good(args: readonly string[], input = ''): Promise<string> {
  const { status, stdout, stderr } = await mq(args, { env, input });
  assert.is(status, 0, stderr);
  return stdout;
}

for (const type of ['classic', 'quorum'])
  test(`the depth of a ${type} queue is exact right after a publish and right after a purge`, async () => {
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
    await vhost.api('POST', `/api/exchanges/${vhost.name}/amq.default/publish`, {
      properties: {},
      routing_key: queue,
      payload: 'x',
      payload_encoding: 'string',
    });
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

test.run();
