// Tests that a replay removes from a message only what must not travel, and counts it.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loginUserOf, Stripper } from '../../../../src/roles/recording/stripped.ts';

test('removes headers of brokers and of mq, and counts messages', () => {
  const stripper = new Stripper({ user: undefined, keepsCopies: false });
  const headers = {
    'x-death': [],
    'x-first-death-queue': 'a',
    'x-first-death-reason': 'b',
    'x-mq-queue': 'q',
    CC: ['c'],
  };
  assert.equal(stripper.strip({ headers: { ...headers, 'x-deaths': 1 }, type: 't' }), {
    headers: { 'x-deaths': 1 },
    type: 't',
  });
  assert.equal(stripper.strip({ headers }), {});
  assert.equal(
    [...stripper.counts],
    [
      ['x-death', 2],
      ['x-first-death-*', 2],
      ['x-mq-*', 2],
      ['CC', 2],
    ],
  );
});

test('keeps an unchanged message, copies on request, and the user of the login', () => {
  const stripper = new Stripper({ user: 'me', keepsCopies: true });
  const properties = { headers: { CC: ['c'] }, userId: 'me', replyTo: 'replies' };
  assert.is(stripper.strip(properties), properties);
  assert.equal(stripper.strip({ userId: 'you', replyTo: 'amq.rabbitmq.reply-to.abc' }), {});
  assert.equal([...stripper.counts.keys()], ['user-id', 'reply-to']);
});

test('keeps an empty table of headers', () => {
  assert.equal(new Stripper({ user: undefined, keepsCopies: false }).strip({ headers: {} }), { headers: {} });
});

test('knows the user of a password, but not that of a token or a certificate', () => {
  const certificate = { protocol: 'amqps', mechanism: 'external', tlsFiles: { cert: 'c', key: 'k' } } as const;
  for (const [addresses, user] of [
    [[{}], 'guest'],
    [
      [
        { user: 'a', password: 'b' },
        { user: 'a', password: 'b' },
      ],
      'a',
    ],
    [
      [
        { user: 'a', password: 'b' },
        { user: 'c', password: 'd' },
      ],
      undefined,
    ],
    [[{ user: 'a', token: { kind: 'token', token: 't', from: 'MQ_TOKEN' } }], undefined],
    [[{ user: 'a', ...certificate }], undefined],
  ] as const)
    assert.is(loginUserOf(addresses), user);
});

test.run();
