// Tests what mq apply --replace does with messages that clients publish to a queue while the queue is deleted.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';
import { startProxy } from '../support/proxy.ts';

/** AMQP 0-9-1: queue.delete is class 50, method 40. Two bytes follow, and the short string with the name of the queue. */
const deletion = Buffer.from([0, 50, 0, 40, 0, 0, 6, ...Buffer.from('orders'), 0]);

/** Starts a proxy that waits for `work` before it passes on the deletion of the queue `orders`. */
const startDelay = (port: number, work: () => Promise<void>) =>
  startProxy(port, (client, broker) => {
    let passed = Promise.resolve();
    client.on('data', (bytes) => {
      passed = passed.then(async () => {
        if (bytes.includes(deletion)) await work();
        broker.write(bytes);
      });
    });
    broker.pipe(client);
  });

test('keeps messages that reach a quorum queue during its deletion', () =>
  withManagement(async ({ place, management }) => {
    const channel = await place.channel();
    await channel.assertQueue('orders', { arguments: { 'x-queue-type': 'quorum' } });
    let bursts = 0;
    const proxy = await startDelay(place.broker.port, async () => {
      bursts += 1;
      for (let number = 0; number < 1000; number += 1) channel.sendToQueue('orders', Buffer.from(`${number}`));
      await channel.waitForConfirms();
    });
    const queues = { orders: { options: { arguments: { 'x-queue-type': 'classic' } } } };
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify({ vhosts: { '/': { queues } } }) });
    const MQ_MANAGEMENT_URL = `http://guest:guest@127.0.0.1:${management.port}`;
    const env = { MQ_CONFIG: `${cwd}/rascal.json`, MQ_URL: proxy.url, MQ_MANAGEMENT_URL };
    const { status, stderr } = await runCli(['apply', '--replace', 'orders', '--yes'], { cwd, env });
    proxy.close();
    assert.is(status, 0, stderr);
    assert.equal([bursts, (await channel.checkQueue('orders')).messageCount], [1, 1000]);
  }));

test.run();
