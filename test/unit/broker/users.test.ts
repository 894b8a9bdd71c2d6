// Who may log in from where.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isLoopback } from '../../../src/broker/loopback.ts';
import { Users } from '../../../src/broker/users.ts';

test('guest logs in from this machine only, other users from everywhere', () => {
  const users = new Users(undefined);
  for (const name of ['guest', 'team']) users.put({ name, password: 'secret' });
  const isLetIn = (name: string, peer: string | undefined) => users.authenticate(name, 'secret', peer) !== undefined;
  for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) assert.ok(isLetIn('guest', peer), peer);
  for (const peer of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::1', undefined]) {
    assert.not(isLetIn('guest', peer), peer);
    assert.ok(isLetIn('team', peer), peer);
  }
});

test('users with the default password are named', () => {
  const users = new Users(undefined);
  users.put({ name: 'a', password: 'guest' });
  users.put({ name: 'b', password: 'other' });
  users.put({ name: 'c', password: null });
  assert.equal(users.withDefaultPassword(), ['a']);
});

test('a name that only looks like this machine is not a loopback address', () => {
  for (const host of ['127.0.0.1.example.org', '127.1', '10.127.0.0', '::', '0.0.0.0', 'localhost.example.org', '']) {
    assert.not(isLoopback(host), host);
  }
});

test.run();
