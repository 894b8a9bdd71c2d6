// What mq admin ha says of a queue, from what the management API says of it and of the nodes.

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

test('a quorum queue survives as many nodes as it has members beyond a majority', () => {
  const cases: [number[], number[], number, number, string, string][] = [
    [[1, 2, 3], [1, 2, 3], 1, 1, 'none', 'survives any one node; without mq1 another leads'],
    [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 2, 2, 'none', 'survives any 2 nodes; without mq2 another leads'],
    [[1, 2, 3, 4], [1, 2, 3, 4], 1, 1, 'none', 'survives any one node; without mq1 another leads'],
    [[1, 2, 3], [1, 3], 1, 0, 'critical', 'without mq1 or mq3 it is down: 2 of its 3 members are needed'],
    [[1, 2], [1, 2], 1, 0, 'critical', 'without mq1 or mq2 it is down: 2 of its 2 members are needed'],
    [[1, 2, 3], [3], 3, 0, 'down', 'down: 1 of its 3 members online, 2 are needed'],
    [
      [2],
      [2],
      2,
      0,
      'single',
      'without mq2 it is down until the node is back, and with its disk its messages are lost',
    ],
  ];
  for (const [members, online, leader, mayLose, risk, loss] of cases) {
    const found = replicationOf(quorum(members, online, leader), new Set(names(...online)));
    assert.equal([found.mayLose, found.risk, found.loss], [mayLose, risk, loss]);
  }
});

test('a member on a node that does not run is not online, whatever the queue says, and does not lead', () => {
  const found = replicationOf(quorum([1, 2, 3], [1, 2, 3], 3), new Set(names(1, 2)));
  assert.equal([found.copies, found.risk, found.leader], ['mq1 mq2 mq3!', 'critical', undefined]);
  assert.is(
    replicationOf(quorum([1, 2, 3], [1, 2, 3]), new Set(names(1, 2, 3))).loss,
    'survives any one node; a leader is being elected',
  );
});

test('a classic queue is on one node: away with it, or gone, or bound to a connection', () => {
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
    [{}, running, 'single', 'without mq1 it is down until the node is back, and with its disk its messages are lost'],
    [{ durable: false }, running, 'single', 'without mq1 it and its messages are gone'],
    [{ exclusive: true }, running, 'single', 'goes with the connection that it belongs to'],
    [{}, new Set(names(2)), 'down', 'down: its one node, mq1, does not run'],
  ];
  for (const [more, nodes, risk, loss] of cases) {
    const found = replicationOf({ ...classic, ...more }, nodes);
    assert.equal([found.risk, found.loss], [risk, loss]);
  }
});

test('the loss of one node is told by what the queue has there', () => {
  const all = new Set(names(1, 2, 3));
  const effect = (queue: object, node: number, running = all) =>
    effectOf(replicationOf(queue as Record<string, unknown>, running), `rabbit@mq${node}`);
  assert.is(effect(quorum([1, 2, 3], [1, 2, 3], 1), 1), 'gets another leader');
  assert.is(effect(quorum([1, 2, 3], [1, 2, 3], 1), 2), 'has one member fewer');
  assert.is(effect(quorum([1, 2], [1, 2], 1), 2), 'stops');
  assert.is(effect(quorum([1], [1], 1), 1), 'stops');
  assert.is(effect(quorum([1, 2, 3], [1], 1), 1), 'stays down');
  assert.is(effect(quorum([1, 2], [1, 2], 1), 3), undefined);
  assert.is(effect({ vhost: '/', name: 'c', type: 'classic', node: 'rabbit@mq1' }, 1), 'is away with the node');
});

test.run();
