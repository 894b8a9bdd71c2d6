// Tests for which statuses of a cluster `mq cluster stop` refuses to stop nodes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { refuseLoss } from '../../../src/cluster/majority.ts';
import type { NodeStatus, QueueStatus } from '../../../src/cluster/status.ts';
import { MqError } from '../../../src/errors.ts';

const node: Omit<NodeStatus, 'host'> = {
  state: 'running',
  isConnected: true,
  isMember: true,
  alarms: [],
  leads: 0,
  critical: [],
  amqp: undefined,
  management: undefined,
};
const nodesOf = (count: number, changes: Readonly<Record<string, Partial<NodeStatus>>> = {}): NodeStatus[] =>
  Array.from({ length: count }, (_, index) => `mq${index + 1}`).map((host) => ({ ...node, host, ...changes[host] }));
const queueOn = (members: readonly string[], online = members): QueueStatus => ({
  vhost: '/',
  name: 'task_queue',
  type: members.length > 1 ? 'quorum' : 'classic',
  messages: 0,
  leader: members[0],
  members,
  online,
});
const three = ['mq1', 'mq2', 'mq3'];

/** Returns the message of the refusal, or an empty text if the nodes may stop. */
function refusal(nodes: NodeStatus[], queues: QueueStatus[] | undefined, ...hosts: string[]): string {
  try {
    refuseLoss({ nodes, queues }, hosts);
    return '';
  } catch (error) {
    assert.ok(error instanceof MqError && error.code === 'REFUSED', String(error));
    assert.match(error.hint ?? '', '--force');
    assert.equal(error.problems, []);
    return error.message;
  }
}

test('one of three nodes may stop, two may not', () => {
  assert.is(refusal(nodesOf(3), [queueOn(three)], 'mq1'), '');
  assert.is(refusal(nodesOf(3), [], 'mq1', 'mq2'), 'stopping mq1, mq2 leaves 1 of 3 members, which is not a majority');
});

test("refuses to stop two nodes with two of a queue's three members", () => {
  const queues = [queueOn(three)];
  assert.is(
    refusal(nodesOf(5), queues, 'mq1', 'mq2'),
    "stopping mq1, mq2 leaves no majority for queue 'task_queue' in vhost '/'",
  );
  assert.is(refusal(nodesOf(5), queues, 'mq1', 'mq4'), '');
  assert.is(refusal(nodesOf(5), queues, 'mq4', 'mq5'), '');
  assert.is(refusal(nodesOf(5), [queueOn(['mq1'])], 'mq1'), '', 'a classic queue has no majority');
});

test('lists each object once that RabbitMQ reports as critical', () => {
  const nodes = nodesOf(3, { mq1: { critical: ["queue 'task_queue' in vhost '/'", 'the stream coordinator'] } });
  assert.is(
    refusal(nodes, [queueOn(three, ['mq1', 'mq2'])], 'mq1'),
    "stopping mq1 leaves no majority for queue 'task_queue' in vhost '/', the stream coordinator",
  );
});

test('refuses if no node answers', () => {
  const silent = { isMember: undefined, critical: undefined };
  assert.match(refusal(nodesOf(3, { mq1: silent, mq2: silent, mq3: silent }), undefined, 'mq1'), 'no node answers');
  assert.match(refusal(nodesOf(3, { mq1: { critical: undefined } }), [], 'mq1'), 'mq1 does not answer');
  assert.match(refusal(nodesOf(3), undefined, 'mq1'), 'no node lists its queues in time');
});

test('does not count a paused node that the others still see', () => {
  const nodes = nodesOf(3, { mq3: { state: 'paused', critical: undefined } });
  assert.match(refusal(nodes, [], 'mq1'), 'leaves 1 of 3 members');
  assert.is(refusal(nodes, [], 'mq3'), '');
});

test('a node that is down, or the only node, may stop', () => {
  const stopped = { state: 'stopped', isMember: false, critical: undefined } as const;
  assert.is(refusal(nodesOf(3, { mq1: stopped }), [queueOn(three, ['mq2', 'mq3'])], 'mq1'), '');
  assert.is(refusal(nodesOf(1, { mq1: { isMember: undefined } }), undefined, 'mq1'), '');
});

test.run();
