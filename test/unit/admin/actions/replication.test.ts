// Tests the members and risks of queues, which are computed from answers of the management API.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { effectOf, replicationOf } from '../../../../src/admin/actions/replication.ts';

const names = (...numbers: number[]) => numbers.map((number) => `rabbit@mq${number}`);
const quorum = (members: number[], online: number[], leader?: number) => ({
  vhost: '/',
  name: 'q',
  type: 'quorum',
  durable: true,
  members: names(...members),
  online: names(...online),
  leader: leader === undefined ? '' : `rabbit@mq${leader}`,
});

test('a quorum queue needs a majority of its members', () => {
  const cases: [number[], number[], number, number, string, string][] = [
    [[1, 2, 3], [1, 2, 3], 1, 1, 'none', 'survives the loss of any node; without mq1 another member leads'],
    [
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 5],
      2,
      2,
      'none',
      'survives the loss of any 2 nodes; without mq2 another member leads',
    ],
    [[1, 2, 3, 4], [1, 2, 3, 4], 1, 1, 'none', 'survives the loss of any node; without mq1 another member leads'],
    [[1, 2, 3], [1, 3], 1, 0, 'critical', 'without mq1 or mq3 it is down: 2 of its 3 members are needed'],
    [[1, 2], [1, 2], 1, 0, 'critical', 'without mq1 or mq2 it is down: 2 of its 2 members are needed'],
    [[1, 2, 3], [3], 3, 0, 'down', 'down: 1 of its 3 members online, 2 needed'],
    [[2], [2], 2, 0, 'single', 'without mq2 it is down, and its messages are lost if the disk is lost'],
  ];
  for (const [members, online, leader, mayLose, risk, loss] of cases) {
    const found = replicationOf(quorum(members, online, leader), new Set(names(...online)));
    assert.equal([found.mayLose, found.risk, found.loss], [mayLose, risk, loss]);
  }
});

test('a member on a stopped node is neither online nor leader', () => {
  const found = replicationOf(quorum([1, 2, 3], [1, 2, 3], 3), new Set(names(1, 2)));
  assert.equal([found.copies, found.risk, found.leader], ['mq1 mq2 mq3!', 'critical', undefined]);
  assert.is(
    replicationOf(quorum([1, 2, 3], [1, 2, 3]), new Set(names(1, 2, 3))).loss,
    'survives the loss of any node; a leader is being elected',
  );
});

test('shows the effect of the loss of a node on a classic queue', () => {
  const classic = {
    vhost: '/',
    name: 'c',
    type: 'classic',
    durable: true,
    exclusive: false,
    node: 'rabbit@mq1',
    online: null,
  };
  const running = new Set(names(1));
  const cases: [object, Set<string>, string, string][] = [
    [{}, running, 'single', 'without mq1 it is down, and its messages are lost if the disk is lost'],
    [{ durable: false }, running, 'single', 'without mq1 it is deleted with its messages'],
    [{ exclusive: true }, running, 'single', 'it is deleted when its connection ends'],
    [{}, new Set(names(2)), 'down', 'down: its only node, mq1, is not running'],
  ];
  for (const [more, nodes, risk, loss] of cases) {
    const found = replicationOf({ ...classic, ...more }, nodes);
    assert.equal([found.risk, found.loss], [risk, loss]);
  }
});

test('shows the effect of losing one node', () => {
  const all = new Set(names(1, 2, 3));
  const effect = (queue: object, node: number, running = all) =>
    effectOf(replicationOf(queue as Record<string, unknown>, running), `rabbit@mq${node}`);
  assert.is(effect(quorum([1, 2, 3], [1, 2, 3], 1), 1), 'gets another leader');
  assert.is(effect(quorum([1, 2, 3], [1, 2, 3], 1), 2), 'has one member fewer');
  assert.is(effect(quorum([1, 2], [1, 2], 1), 2), 'stops');
  assert.is(effect(quorum([1], [1], 1), 1), 'stops');
  assert.is(effect(quorum([1, 2, 3], [1], 1), 1), 'stays down');
  assert.is(effect(quorum([1, 2], [1, 2], 1), 3), undefined);
  assert.is(effect({ vhost: '/', name: 'c', type: 'classic', node: 'rabbit@mq1' }, 1), 'goes down with the node');
});

test.run();
