// mq top sees messages at once, also those of quorum queues, whose statistics are seconds old in RabbitMQ.

import { join } from 'node:path';
import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { emptyFolder } from '../support/mq.ts';
import { quorum } from '../support/plan.ts';
import { until } from '../support/until.ts';
import { testVhost } from '../support/vhost.ts';

interface Row {
  readonly name: string;
  readonly ready?: number;
  readonly retry?: number;
  readonly dead?: number;
  readonly consumers?: number;
  readonly in?: number;
  readonly out?: number;
}

const content = {
  vhosts: { '/': { queues: { jobs: { options: { arguments: quorum } }, audit: {} } } },
  subscriptions: { work: { queue: 'jobs' } },
};

test('shows exact depths, with those of retry and dead-letter queues', async () => {
  const vhost = await testVhost();
  const connection = await connect(vhost.urls[0] ?? '');
  try {
    const config = join(emptyFolder({ 'rascal.json': JSON.stringify(content) }), 'rascal.json');
    const env = { MQ_CONFIG: config, MQ_URL: vhost.url, MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') };
    const { status, stderr } = await runCli(['declare'], { env });
    assert.is(status, 0, stderr);
    const rows = async (interval: string): Promise<Row[]> => {
      const { stdout } = await runCli(['top', '--once', '--json', '--interval', interval, '--sort', 'name'], { env });
      return JSON.parse(stdout).queues;
    };
    const channel = await connection.createConfirmChannel();
    for (const [name, count] of [
      ['jobs', 3],
      ['audit', 4],
      ['jobs.retry.30000', 2],
      ['jobs.dead', 1],
    ] as const)
      for (let sent = 0; sent < count; sent += 1) channel.sendToQueue(name, Buffer.from('a'));
    await channel.waitForConfirms();
    const counts = (await rows('1ms')).map(({ name, ready, retry, dead }) => [name, ready, retry, dead]);
    assert.equal(counts, [
      ['audit', 4, undefined, undefined],
      ['jobs', 3, 2, 1],
    ]);

    await channel.consume('jobs', (message) => message && channel.ack(message));
    let isSending = true;
    const sending = (async () => {
      while (isSending) {
        channel.sendToQueue('jobs', Buffer.from('a'));
        await channel.waitForConfirms();
      }
    })();
    // RabbitMQ's counters change every 5 s.
    await until('rates of both directions', async () => {
      const jobs = (await rows('1s')).find(({ name }) => name === 'jobs');
      return jobs?.consumers === 1 && (jobs.in ?? 0) > 0 && (jobs.out ?? 0) > 0;
    });
    isSending = false;
    await sending;
  } finally {
    await connection.close();
    await vhost.remove();
  }
});

test.run();
