import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { mock } from 'node:test';
import amqplib from 'amqplib/callback_api';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('reports only once that a node did not answer the declarations', async () => {
  const { connect } = amqplib;
  const methods = { createChannel: () => undefined, createConfirmChannel: () => undefined, close: () => undefined };
  const inner = Object.assign(new EventEmitter(), { stream: new PassThrough() });
  inner.stream.on('error', () => undefined);
  const connection = Object.assign(new EventEmitter(), { connection: inner }, methods);
  Object.assign(amqplib, {
    connect: (_: string, __: object, next: (error: null, ok: object) => void) => next(null, connection),
  });
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { answerMs, takeNoAnswer } = await import('../../../../src/session/patches/sockets.ts');
    amqplib.connect('amqp://a', { clientProperties: { connection_name: 'one' } }, () => undefined);
    mock.timers.tick(answerMs);
    assert.is(takeNoAnswer('one')?.code, 'UNAVAILABLE');
    assert.is(takeNoAnswer('one'), undefined);
  } finally {
    mock.timers.reset();
    Object.assign(amqplib, { connect });
  }
});

test.run();
