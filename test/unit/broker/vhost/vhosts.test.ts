// Tests adding and removing virtual hosts, without sockets.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { churnCounters } from '../../../../src/broker/counters.ts';
import { Memory } from '../../../../src/broker/queue/memory.ts';
import { Slices } from '../../../../src/broker/slices.ts';
import { Users } from '../../../../src/broker/vhost/users.ts';
import { Vhosts } from '../../../../src/broker/vhost/vhosts.ts';
import { HandClock } from '../../../support/broker-clock.ts';
import { declare } from '../queue-place.ts';

function newVhosts() {
  const users = new Users(undefined);
  users.put({ name: 'admin', tags: ['administrator'] });
  users.put({ name: 'team' });
  const memory = new Memory(Infinity, () => {});
  const shared = { clock: new HandClock(), memory, slices: new Slices(), store: undefined, log: () => {} };
  const vhosts = new Vhosts({ ...shared, churn: churnCounters() }, users);
  const permissions = (user: string) => [...(users.all.get(user)?.permissions.keys() ?? [])];
  return { vhosts, users, permissions };
}

test('a virtual host is created once, and only administrators get permissions', () => {
  const { vhosts, permissions } = newVhosts();
  assert.is(vhosts.add('v'), vhosts.add('v'));
  assert.equal([permissions('admin'), permissions('team')], [['v'], []]);
});

test('grants a user all permissions in each vhost where the user has none', () => {
  const { vhosts, users } = newVhosts();
  for (const name of ['a', 'b']) vhosts.add(name);
  users.allow('team', 'a', { configure: '', write: '', read: '.*' });
  vhosts.allow('team');
  const patterns = [...(users.all.get('team')?.permissions.values() ?? [])].map((each) => each.patterns.write);
  assert.equal(patterns, ['', '.*']);
});

test('a removal disconnects clients and deletes queues and permissions', async () => {
  const { vhosts, permissions } = newVhosts();
  const vhost = vhosts.add('v');
  const queues = Array.from({ length: 200 }, (_, index) => declare(vhost, `queue ${index}`));
  const disconnected: string[] = [];
  const removals = [1, 2].map(() => vhosts.remove('v', ({ name }) => disconnected.push(name)));
  assert.not(vhosts.all.has('v'));
  await Promise.all(removals);
  assert.equal([disconnected, permissions('admin'), vhost.queues.size], [['v'], [], 0]);
  assert.ok(queues.every(({ isDeleted }) => isDeleted));
  await vhosts.remove('v', () => assert.unreachable());
});

test.run();
