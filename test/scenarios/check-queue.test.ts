// mq admin check queue sees a message and a consumer at once, also where RabbitMQ's statistics are seconds old.

import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { until } from '../support/until.ts';
import { testVhost } from '../support/vhost.ts';

for (const type of ['classic', 'quorum'])
  test(`compares the depth and the consumers of a ${type} queue with limits`, async () => {
    const vhost = await testVhost();
    const connection = await connect(vhost.urls[0] ?? '');
    try {
      const check = (...limits: readonly string[]) =>
        runCli(['admin', 'check', 'queue', 'jobs', '--vhost', vhost.name, ...limits], {
          env: { MQ_URL: vhost.url, MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') },
        });
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue('jobs', { arguments: { 'x-queue-type': type } });
      for (let sent = 0; sent < 3; sent += 1) channel.sendToQueue('jobs', Buffer.from('a'));
      await channel.waitForConfirms();
      const full = await check('--max-ready', '2', '--min-consumers', '1');
      const seen = '3 ready (max 2), 0 unacknowledged, 0 consumers (min 1)';
      assert.is(full.stdout, `failed: queue jobs in vhost ${vhost.name}: ${seen}\n`);
      assert.equal([full.status, full.stderr], [1, '']);
      assert.is((await check('--max-ready', '3')).status, 0);

      await channel.prefetch(1);
      const received = new Promise((resolve) => channel.consume('jobs', resolve));
      await received;
      const consumed = await check('--max-ready', '2', '--min-consumers', '1', '--json');
      const { ready, consumers, ok, failed } = JSON.parse(consumed.stdout);
      assert.equal([consumed.status, ready, consumers, ok, failed], [0, 2, 1, true, []]);
      await until('the unacknowledged message', async () => (await check('--max-unacked', '0')).status === 1);
      assert.is((await check('--max-unacked', '1')).status, 0);
    } finally {
      await connection.close();
      await vhost.remove();
    }
  });

test.run();
