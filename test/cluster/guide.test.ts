// Runs the commands of .github/docs/guides/quorum-queues.md. A comment that begins with a number is the exit status.

import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testCluster } from '../support/cluster.ts';
import { emptyFolder, executable } from '../support/mq.ts';

const { cluster, release } = await testCluster();
test.after(release);
const guide = readFileSync(resolve(import.meta.dirname, '../../.github/docs/guides/quorum-queues.md'), 'utf8');

test('the commands of the guide work as described, and lose no message', async () => {
  const [, name = '', text = ''] = /^```json (\S+)\n([\s\S]*?)^```$/m.exec(guide) ?? [];
  const cwd = emptyFolder({ [name]: text });
  symlinkSync(executable, join(cwd, 'mq'));
  const env = {
    PATH: `${cwd}${delimiter}${process.env['PATH']}`,
    HOME: cwd,
    MQ_URL: String(cluster.urls[0]),
    MQ_MANAGEMENT_URL: String(cluster.managementUrls[0]),
  };
  const run = (command: string) => spawnSync('bash', ['-c', command], { cwd, env, encoding: 'utf8', timeout: 60_000 });
  const lines = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.trim().split('\n'));
  assert.ok(lines.length > 10);
  const shown: string[] = [];
  for (const line of lines) {
    const [, statuses = '0'] = /# (\d+(?:, or \d+)?)/.exec(line) ?? [];
    if (line.startsWith('mq admin create binding shop orders.v2')) await publish(['one', 'two', 'three']);
    const { status, stdout, stderr } = run(line);
    assert.ok(
      statuses
        .split(', or ')
        .map(Number)
        .includes(status ?? -1),
      `${line}: ${status}\n${stdout}${stderr}`,
    );
    shown.push(stdout + stderr);
  }
  const all = shown.join('');
  assert.match(all, 'definitions.json:7:34: policies[0].definition.ha-mode: RabbitMQ 4.0 removed mirrored queues');
  assert.match(all, 'definitions.json:11:109: queues[0].arguments.x-queue-mode: has no effect');
  assert.match(all, /\torders\.v2\tquorum\tnone\t/);
  assert.equal(await taken('orders.v2', 3), ['one', 'two', 'three']);
  run(
    'mq admin delete queue orders.v2 --yes; mq admin delete exchange shop --yes; mq admin delete policy orders-length --yes',
  );
});

async function publish(bodies: readonly string[]): Promise<void> {
  const connection = await connect(String(cluster.urls[0]));
  const channel = await connection.createConfirmChannel();
  for (const body of bodies) channel.publish('shop', 'order', Buffer.from(body), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
}

async function taken(queue: string, count: number): Promise<string[]> {
  const connection = await connect(String(cluster.urls[0]));
  const channel = await connection.createChannel();
  const bodies: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const message = await channel.get(queue, { noAck: true });
    if (message) bodies.push(message.content.toString());
  }
  await connection.close();
  return bodies;
}

test.run();
