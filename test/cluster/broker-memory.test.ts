// Runs `mq broker` in a small container. It blocks publishers before the container runs out of memory, and starts again
// with its backlog.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attachCluster } from '../../src/cluster/cluster.ts';

import { executable } from '../support/mq.ts';
import { until } from '../support/until.ts';
import { testBroker } from '../support/vhost.ts';

const { image } = await attachCluster({ name: testBroker().cluster ?? '' });
const run = promisify(execFile);
const docker = async (...args: string[]) => (await run('docker', args)).stdout.trim();

test('blocks publishers in a 128 MB container, and restarts with its backlog', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-memory-'));
  const name = `mq-memory-${randomUUID()}`;
  const limits = ['--memory', '128m', '--memory-swap', '128m'];
  const mounts = ['-v', `${dirname(executable)}:/mq:ro`, '-v', `${folder}:/data`];
  const command = ['broker', '--host', '0.0.0.0', '--user', 'test', '--data', '/data'];
  const login = ['-e', 'MQ_BROKER_PASSWORD=test', '-p', '127.0.0.1::5672'];
  await docker(
    'run',
    '-d',
    '--name',
    name,
    ...limits,
    ...mounts,
    ...login,
    '--entrypoint',
    '/mq/mq',
    image,
    ...command,
  );
  try {
    // Docker chooses the port, and chooses another one at each restart.
    const url = async () => `amqp://test:test@${await docker('port', name, '5672/tcp')}/%2F`;
    let confirmed = 0;
    await withChannel(url, async (connection, channel) => {
      let isBlocked = false;
      connection.on('blocked', () => {
        isBlocked = true;
      });
      await channel.assertQueue('q');
      const body = Buffer.alloc(20);
      await until('the publisher is blocked', () => {
        for (let left = 2000; left > 0; left--) {
          channel.sendToQueue('q', body, { persistent: true }, (error) => {
            if (!error) confirmed += 1;
          });
        }
        return isBlocked;
      });
    });
    assert.is(await docker('inspect', '-f', '{{.State.Running}} {{.State.OOMKilled}}', name), 'true false');
    await docker('restart', name);
    await withChannel(url, async (_, channel) => {
      assert.ok((await channel.checkQueue('q')).messageCount >= confirmed);
    });
    assert.is(await docker('inspect', '-f', '{{.State.Running}} {{.State.OOMKilled}}', name), 'true false');
  } finally {
    await docker('rm', '-f', name);
    rmSync(folder, { recursive: true });
  }
});

async function withChannel(
  url: () => Promise<string>,
  use: (connection: ChannelModel, channel: ConfirmChannel) => Promise<void>,
) {
  const connection = await until('the broker accepts connections', async () => connect(await url()));
  connection.on('error', () => undefined);
  try {
    await use(connection, await connection.createConfirmChannel());
  } finally {
    await connection.close().catch(() => undefined);
  }
}

test.run();
