// Tests the logins and permissions of users.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isLoopback } from '../../../../src/broker/loopback.ts';
import { Users } from '../../../../src/broker/vhost/users.ts';

test('guest logs in from this machine only, other users from anywhere', () => {
  const users = new Users(undefined);
  for (const name of ['guest', 'team']) users.put({ name, password: 'secret' });
  const isLetIn = (name: string, peer: string | undefined) => users.authenticate(name, 'secret', peer) !== undefined;
  for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) assert.ok(isLetIn('guest', peer), peer);
  for (const peer of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::1', undefined]) {
    assert.not(isLetIn('guest', peer), peer);
    assert.ok(isLetIn('team', peer), peer);
  }
});

test('finds users with the default password', () => {
  const users = new Users(undefined);
  users.put({ name: 'a', password: 'guest' });
  users.put({ name: 'b', password: 'other' });
  users.put({ name: 'c', password: null });
  assert.equal(users.withDefaultPassword(), ['a']);
});

test('finds the user of a token, from this machine only for guest', () => {
  const users = new Users(undefined);
  users.put({ name: 'plain', password: 'same' });
  users.put({ name: 'service', password: 'same', hasToken: true });
  users.put({ name: 'guest', password: 'local', hasToken: true });
  assert.is(users.withToken('same', '192.0.2.7')?.name, 'service');
  assert.is(users.withToken('other', '127.0.0.1'), undefined);
  assert.is(users.withToken('local', '127.0.0.1')?.name, 'guest');
  assert.is(users.withToken('local', '192.0.2.7'), undefined);
});

test('similar names and addresses are not loopback addresses', () => {
  for (const host of ['127.0.0.1.example.org', '127.1', '10.127.0.0', '::', '0.0.0.0', 'localhost.example.org', '']) {
    assert.not(isLoopback(host), host);
  }
});

test('a pattern that exceeds the time limit does not match', () => {
  const users = new Users(undefined);
  users.put({ name: 'team' });
  for (const pattern of ['^(a+)+$', '^(a|a)*$', '^(([a-z])+.)+[A-Z]([a-z])+$', '^(?=(a+)+$).*']) {
    users.allow('team', '/', { configure: pattern, write: '^team-(a|b)$', read: '^(?!amq\\.).*' });
    const tests = users.all.get('team')?.permissions.get('/')?.tests;
    const before = process.cpuUsage();
    for (let times = 0; times < 3; times++) assert.is(tests?.configure(`${'a'.repeat(60)}!`), false, pattern);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 1_000_000, `${pattern} needed ${user + system} microseconds`);
    assert.equal(
      ['team-a', 'team-c', 'team-a2'].map((name) => tests?.write(name)),
      [true, false, false],
    );
    assert.equal(
      ['mine', 'amq.direct', 'amqx'].map((name) => tests?.read(name)),
      [true, false, true],
    );
  }
});

test.run();
