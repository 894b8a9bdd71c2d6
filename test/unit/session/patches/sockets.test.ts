import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import amqplib, { type Connection } from 'amqplib/callback_api';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('that a node did not answer the declarations is told once, so the next address has its own error', async () => {
  const { connect } = amqplib;
  const stream = Object.assign(new EventEmitter(), { write: () => true, destroy: () => undefined });
  const made = {
    connection: { stream },
    createChannel: () => undefined,
    createConfirmChannel: () => undefined,
    close: () => undefined,
  };
  const connection = Object.assign(new EventEmitter(), made) as unknown as Connection;
  amqplib.connect = (_url, _options, next) => next(null, connection);
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { answerMs, takeSilence } = await import('../../../../src/session/patches/sockets.ts');
    amqplib.connect('amqp://a', { clientProperties: { connection_name: 'one' } }, () => undefined);
    mock.timers.tick(answerMs);
    assert.is(takeSilence('one')?.code, 'UNAVAILABLE');
    assert.is(takeSilence('one'), undefined);
  } finally {
    mock.timers.reset();
    amqplib.connect = connect;
  }
});

test.run();
