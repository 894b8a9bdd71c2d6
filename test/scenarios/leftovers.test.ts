// A role leaves no connection and no queue of its own on the broker.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

/** Returns the names of mq's connections in the vhost. RabbitMQ's list is a few seconds old. */
async function connections(): Promise<string[]> {
  const found = (await roles.vhost.api('GET', `/api/vhosts/${roles.vhost.name}/connections`)) as {
    client_properties?: { connection_name?: string };
  }[];
  return found.map(({ client_properties: properties }) => properties?.connection_name ?? '');
}

test('roles leave nothing on the broker', async () => {
  const receivers = [
    await roles.receiver(['worker']),
    await roles.receiver(['receive-logs']),
    await roles.receiver(['receive-logs-direct', 'error']),
    await roles.receiver(['receive-logs-topic', '#']),
    await roles.receiver(['rpc-server']),
  ];
  const publisher = roles.start(['task', '--lines']);
  // The list must first show the connections of running roles. Otherwise, the check below could not fail.
  const expected = [
    'rpc-server consume',
    'rpc-server outcomes',
    'receive-logs consume',
    'worker consume',
    'task publish',
  ];
  await until('the connections of mq are listed', async () => {
    const names = await connections();
    return expected.every((name) => names.some((one) => one.startsWith(`mq ${name} `)));
  });
  await roles.run(['rpc-client', '--reply-queue', '30']);
  await roles.run(['emit-log', 'line']);
  publisher.stdin.end('a task\n');
  assert.is((await publisher.ended).status, 0);
  for (const receiver of receivers.slice(1)) assert.is((await receiver.stop()).status, 0);
  receivers[0]!.kill('SIGKILL');
  await receivers[0]!.ended;
  await until('no connection is left', async () => (await connections()).length === 0, 60_000);
  await until('no queue of a receiver is left', async () => {
    const queues = (await roles.vhost.api('GET', `/api/queues/${roles.vhost.name}`)) as { name: string }[];
    return (
      queues
        .map(({ name }) => name)
        .toSorted()
        .join() === 'rpc_queue,task_queue'
    );
  });
});

test.run();
