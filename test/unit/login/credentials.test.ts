// Tests which login a connection has, and which combinations are refused.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConnectionConfig } from '../../../src/config/config.ts';
import { MqError } from '../../../src/errors.ts';
import { credentialsOf } from '../../../src/login/credentials.ts';
import type { TokenSource } from '../../../src/login/login.ts';

const token: TokenSource = { kind: 'token', from: 'MQ_TOKEN', token: 's3cret' };
const external: ConnectionConfig = { protocol: 'amqps', mechanism: 'external' };

for (const [title, connection, expected] of [
  ['guest by default', {}, { kind: 'password', user: 'guest', password: 'guest' }],
  ['an empty password of a user', { user: 'a' }, { kind: 'password', user: 'a', password: '' }],
  ['a token without a user', { token }, { kind: 'token', user: '', source: token }],
  ['a token with a user', { user: 'a', password: '', token }, { kind: 'token', user: 'a', source: token }],
  ['a certificate', { ...external, tlsFiles: { cert: 'c.pem' } }, { kind: 'certificate' }],
  ['a certificate of rascal.json', { ...external, socketOptions: { cert: 'PEM' } }, { kind: 'certificate' }],
  [
    'a certificate instead of the password of the address',
    { ...external, user: 'a', password: 'b', tlsFiles: { cert: 'c.pem' } },
    { kind: 'certificate' },
  ],
] as const)
  test(`the login is ${title}`, () => assert.equal(credentialsOf(connection), expected));

for (const [title, connection, message] of [
  ['a token and a password', { user: 'a', password: 'b', token }, /^the address of localhost:5672 has a password, and/],
  ['a token and EXTERNAL', { ...external, tlsFiles: { cert: 'c.pem' }, token }, /external, and MQ_TOKEN is set$/],
  ['EXTERNAL without TLS', { mechanism: 'external', tlsFiles: { cert: 'c.pem' } }, /but it does not use TLS$/],
  ['EXTERNAL without a certificate', external, /but there is no client certificate$/],
] as const)
  test(`refuses ${title}`, () => {
    try {
      credentialsOf(connection);
      assert.unreachable(title);
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      assert.is(error.code, 'USAGE');
      assert.match(error.message, message);
      assert.ok(error.hint);
    }
  });

test.run();
