// Commands that remove messages from a queue report a connection that is lost before the broker has the removals.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { basicAck, startCuttingProxy } from '../support/cutting-proxy.ts';
import { Place } from '../support/embedded.ts';
import { emptyFolder } from '../support/mq.ts';
import { until } from '../support/until.ts';

const ids = ['a', 'b', 'c'];
const headers = { tenant: 'acme', 'x-mq-queue': 'work', 'x-mq-exchange': '', 'x-mq-routing-key': 'work' };

/** Runs mq while each connection is lost before its first basic.ack. Returns the result, and the queue's depth. */
async function runWithoutAcks(args: readonly string[], options: Parameters<typeof runCli>[1] = {}) {
  let found: { status: number; stdout: string; stderr: string; left: number } | undefined;
  await Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    for (const queue of ['dead', 'work']) await channel.assertQueue(queue, { durable: true });
    for (const messageId of ids) channel.sendToQueue('dead', Buffer.from(messageId), { messageId, headers });
    await channel.waitForConfirms();
    const proxy = await startCuttingProxy(place.broker.port, basicAck);
    try {
      const run = await runCli([...args, '--url', proxy.url], options);
      await until('the broker has returned the messages', () => place.broker.connections.size === 1);
      found = { ...run, left: (await channel.checkQueue('dead')).messageCount };
    } finally {
      proxy.close();
    }
  });
  if (!found) throw new Error('the broker did not start');
  return found;
}

for (const [title, args, removed] of [
  ['purge', ['dlq', 'purge', '--queue', 'dead', '--id', 'a', '--id', 'b', '--yes'], '2 removed messages'],
  ['move', ['dlq', 'move', '--queue', 'dead', '--to', 'work'], '3 removed messages'],
  ['replay', ['dlq', 'replay', '--queue', 'dead', '--yes'], '3 removed messages'],
] as const) {
  test(`mq dlq ${title} reports removals that the broker has not received`, async () => {
    const { status, stdout, stderr, left } = await runWithoutAcks(args);
    assert.equal([status, stdout, left], [75, '', 3], stderr);
    assert.match(stderr, `${removed} may still be in 'dead'`);
  });
}

test('mq dlq edit reports a removal that the broker has not received', async () => {
  const env = { EDITOR: `sh -c 'sed -i "s/acme/zenith/" "$1"' editor`, PATH: process.env['PATH'] ?? '' };
  const { status, stderr, left } = await runWithoutAcks(['dlq', 'edit', '--queue', 'dead', 'a'], { env, terminal: 80 });
  assert.equal([status, left], [75, 3], stderr);
  assert.match(stderr, "1 removed message may still be in 'dead'");
});

test('mq record --remove reports removals that the broker has not received', async () => {
  const cwd = emptyFolder();
  const { status, stderr, left } = await runWithoutAcks(['record', 'r.ndjson', '--from', 'dead', '--remove'], { cwd });
  assert.equal([status, left], [75, 3], stderr);
  assert.match(stderr, '3 messages recorded; some of them may still be in the queue');
  assert.is(readFileSync(join(cwd, 'r.ndjson'), 'utf8').split('\n').length, 6);
});

test.run();
