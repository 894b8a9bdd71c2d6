// A replay loses no message when a node is killed: the leader of the queue, or the node that mq is connected to.
//   MQ_RECORDING_COUNT  number of messages

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { countOf } from '../support/random.ts';
import { readRecording, writeRecording } from '../support/recording.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
const { vhost } = roles;
const cluster = await vhost.cluster();
test.after.each(roles.killLeft);
test.after.each(() => cluster.heal());
test.after(roles.end);

const count = countOf('MQ_RECORDING_COUNT', 10_000);
const deadlineMs = 300_000;

/** Returns the URLs of all nodes, starting with that of the node `first`. */
const from = (first: number) => [...vhost.urls.slice(first), ...vhost.urls.slice(0, first)].join(',');

async function leaderOf(queue: string): Promise<number> {
  const { leader } = (await vhost.api('GET', `/api/queues/${vhost.name}/${queue}`)) as { leader: string };
  return cluster.nodes.findIndex(({ name }) => name === leader);
}

for (const victim of ["the node of the queue's leader", 'the node of the connection']) {
  test(`a recording arrives completely after the kill of ${victim}`, async () => {
    const queue = victim.includes('leader') ? 'rec-leader' : 'rec-connection';
    await vhost.api('PUT', `/api/queues/${vhost.name}/${queue}`, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum' },
    });
    const cwd = emptyFolder();
    const messages = Array.from({ length: count }, (_, number) => ({
      ...{ body: Buffer.from(`message ${number}`), properties: { messageId: `m-${number}`, deliveryMode: 2 }, time: 0 },
    }));
    await writeRecording(cwd, 'made.ndjson.zst', messages);
    const leader = await leaderOf(queue);
    const connected = (leader + 1) % 3;
    const replay = roles.start(['replay', 'made.ndjson.zst', '--now', '--json', '--to', `queue:${queue}`], {
      ...{ cwd, deadlineMs, env: { MQ_URL: from(connected) } },
    });
    await replay.prints(/"number":1000,/);
    await cluster.kill(victim.includes('leader') ? leader : connected);
    const { status, stdout, stderr } = await replay.ended;
    assert.is(status, 0, stderr);
    const confirmed = lines(stdout).filter((line) => line.includes('"outcome":"confirmed"')).length;
    assert.is(confirmed, count);
    const drained = await roles.run(['record', 'arrived.ndjson', '--from', queue, '--remove'], {
      ...{ cwd, deadlineMs, env: { MQ_URL: from((leader + 2) % 3) } },
    });
    assert.is(drained.status, 0, drained.stderr);
    const arrived = await readRecording(cwd, 'arrived.ndjson');
    const ids = new Set(arrived.map(({ properties }) => properties.messageId));
    console.log(`${victim}: ${confirmed} confirmed, ${arrived.length - ids.size} duplicates`);
    assert.is(ids.size, count);
  });
}

test.run();
