// Tests which error mq reports for errors of amqplib, Rascal, Node and the broker.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import { failureOf, isConnectionLoss, isInUse, isLossOfAccepted, isPermanent } from '../../../src/session/failure.ts';

const unchanged = (text: string) => text;

function reported(error: unknown): string {
  const { code, message } = failureOf(error, unchanged);
  return `${code}: ${message}`;
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

for (const [title, error, expected] of [
  [
    'a long token',
    new Error('Socket closed abruptly during opening handshake (token of MQ_TOKEN, 14000 bytes)'),
    'PROTOCOL: the broker does not answer the login; the token of MQ_TOKEN with 14000 bytes may be too long',
  ],
  [
    'a long token that is refused',
    new Error('ACCESS_REFUSED - Login was refused using PLAIN (token of MQ_TOKEN, 5000 bytes)'),
    'NOT_PERMITTED: the broker refused the token of MQ_TOKEN (ACCESS_REFUSED)',
  ],
  [
    'an unknown host',
    systemError('ENOTFOUND', 'getaddrinfo ENOTFOUND nosuch'),
    'HOST_UNKNOWN: unknown host nosuch (ENOTFOUND)',
  ],
  [
    'a refused connection',
    systemError('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'),
    'UNAVAILABLE: no broker answers at 127.0.0.1:1 (ECONNREFUSED)',
  ],
  [
    'the first of several refused addresses',
    new AggregateError([systemError('ECONNREFUSED', 'connect ECONNREFUSED ::1:1')], 'all failed'),
    'UNAVAILABLE: no broker answers at ::1:1 (ECONNREFUSED)',
  ],
  [
    'a reset connection',
    systemError('ECONNRESET', 'read ECONNRESET'),
    'UNAVAILABLE: the connection to the broker failed: read ECONNRESET',
  ],
  ['a plain port', systemError('EPROTO', 'wrong version number'), 'TLS: the server does not use TLS'],
  ['an untrusted certificate', systemError('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed'), 'TLS: TLS failed: self-signed'],
  [
    'an untrusted certificate, without the advice of Node',
    systemError(
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca',
    ),
    'TLS: TLS failed: self-signed certificate',
  ],
  ['any other text', new Error('odd'), 'UNAVAILABLE: cannot connect: odd'],
  ['a value that is not an error', undefined, 'UNAVAILABLE: cannot connect: undefined'],
] as const) {
  test(`reports ${title}`, () => assert.is(reported(error), expected));
}

const replies: readonly (readonly [reply: string, expected: string])[] = [
  [
    'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN',
    'NOT_PERMITTED: the broker refused the user or the password (ACCESS_REFUSED)',
  ],
  ["NOT_ALLOWED - vhost 'v' not found", "CONFIG: the vhost 'v' does not exist on the broker"],
  [
    "NOT_ALLOWED - access to vhost 'v' refused for user 'u'",
    "NOT_PERMITTED: the user 'u' has no access to the vhost 'v'",
  ],
  [
    "NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (1) is reached",
    'UNAVAILABLE: the broker accepts no connection now: connection limit (1) is reached',
  ],
  [
    "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'",
    "TOPOLOGY: the queue 'q' in vhost '/' exists with another 'durable': wanted true, found false",
  ],
  [
    "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received none but current is the value 'quorum' of type 'longstr'",
    "TOPOLOGY: the queue 'q' in vhost '/' exists with another 'x-queue-type': wanted none, found the value 'quorum' of type 'longstr'",
  ],
  [
    "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
    "UNAVAILABLE: the queue 'q' in vhost '/' has an exclusive consumer",
  ],
  ["NOT_FOUND - no queue 'q' in vhost '/'", "TOPOLOGY: the broker has no queue 'q' in vhost '/'"],
  [
    "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor",
    "UNAVAILABLE: the broker refused temporarily: queue 'q' in vhost '/' process is stopped by supervisor",
  ],
  [
    "NOT_FOUND - home node 'a@b' of durable queue 'q' in vhost '/' is down or inaccessible",
    "UNAVAILABLE: the node a@b of the queue 'q' is down",
  ],
  [
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q'",
    "UNAVAILABLE: the broker refused: cannot obtain exclusive access to locked queue 'q'",
  ],
  [
    'PRECONDITION_FAILED - message size 20 is larger than configured max size 10',
    "BAD_DATA: the body of 20 bytes is over the broker's limit of 10",
  ],
  [
    "PRECONDITION_FAILED - user_id property set to 'a' but authenticated user was 'b'",
    "BAD_DATA: the broker refused the message: user_id property set to 'a' but authenticated user was 'b'",
  ],
  [
    "Field 'queue' is the wrong type; must be a string (up to 255 chars)",
    'CONFIG: the name of the queue is too long: AMQP allows 255 bytes',
  ],
  ['PRECONDITION_FAILED - unknown delivery tag 7', 'TOPOLOGY: the broker refused: unknown delivery tag 7'],
  [
    "ACCESS_REFUSED - write access to exchange 'x' in vhost '/' refused for user 'u'",
    "NOT_PERMITTED: the broker refused: write access to exchange 'x' in vhost '/' refused for user 'u'",
  ],
  ['NOT_IMPLEMENTED - immediate=true', 'TOPOLOGY: the broker refused: immediate=true'],
  [
    "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
    "UNAVAILABLE: the broker closed the connection: broker forced connection closure with reason 'shutdown'",
  ],
  [
    'INTERNAL_ERROR - Feature `x` is deprecated',
    'TOPOLOGY: the broker closed the connection: Feature `x` is deprecated',
  ],
];
for (const [reply, expected] of replies) {
  test(`reports ${reply.slice(0, 64)}`, () => {
    assert.is(reported(new Error(`Operation failed: 4xx with message "${reply}"`)), expected);
  });
}

test('returns an MqError as it is', () => {
  const error = new MqError('BAD_DATA', 'x');
  assert.is(failureOf(error, unchanged), error);
});

test('removes secrets and Rascal’s address from the message and the cause', () => {
  const error = new Error('Failed to connect to: amqp://u:secret@h. Original message was: hidden reason');
  const { message, cause } = failureOf(error, (text) => text.replace('hidden', '***'));
  assert.is(message, 'cannot connect: *** reason');
  assert.not.match(String((cause as Error).stack), /secret|hidden/);
});

for (const [text, isLoss] of [
  ['Heartbeat timeout', true],
  ['Unexpected close', true],
  ['Channel closed by server', true],
  ['odd', false],
] as const) {
  test(`${isLoss ? 'reports' : 'does not report'} a lost connection for: ${text}`, () => {
    assert.is(isConnectionLoss(failureOf(new Error(text), unchanged)), isLoss);
  });
}

test('recognises exclusive access by its cause', () => {
  assert.ok(isInUse(failureOf(new Error(replies[6]?.[0]), unchanged)));
  assert.not(isInUse(failureOf(new Error(replies[7]?.[0]), unchanged)));
});

test('retries only errors that may be temporary', () => {
  const codes = ['NOT_PERMITTED', 'CONFIG', 'TOPOLOGY', 'BAD_DATA', 'BUG', 'UNAVAILABLE', 'PROTOCOL', 'TLS'] as const;
  const permanent = codes.filter((code) => isPermanent(new MqError(code, 'x')));
  assert.equal(permanent, ['NOT_PERMITTED', 'CONFIG', 'TOPOLOGY', 'BAD_DATA', 'BUG']);
});

test('distinguishes a lost connection from a failure to connect', () => {
  const isLoss = (error: Error) => isLossOfAccepted(failureOf(error, unchanged));
  for (const text of [
    'Connection closed: 320 (CONNECTION-FORCED) with message "CONNECTION_FORCED - shutdown"',
    'Channel closed',
  ])
    assert.ok(isLoss(new Error(text)), text);
  assert.ok(isLoss(systemError('ECONNRESET', 'read ECONNRESET')));
  assert.not(isLoss(systemError('ECONNRESET', 'connect ECONNRESET 127.0.0.1:5672')));
  assert.not(isLoss(systemError('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5672')));
  assert.not(isLoss(new Error('Socket closed abruptly during opening handshake')));
  assert.not(isLoss(new Error('ACCESS_REFUSED - Login was refused')));
});

test.run();
