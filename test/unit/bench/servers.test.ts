import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startServer } from '../../../src/bench/receivers.ts';
import { MqError } from '../../../src/errors.ts';
import type { Consumer } from '../../../src/session/consumer.ts';
import type { Publisher } from '../../../src/session/publisher.ts';

test('a server that can send no more replies ends the run', async () => {
  const failed = Promise.withResolvers<MqError>();
  const publisher = { failed: failed.promise } as unknown as Publisher;
  const consumer = Object.assign(new EventEmitter(), { start: async () => undefined }) as unknown as Consumer;
  const ended = Promise.withResolvers<MqError>();
  await startServer(consumer, { publisher, fail: ended.resolve });
  const error = new MqError('IN_DOUBT', 'no answer from the broker in 60 s');
  failed.resolve(error);
  assert.is(await ended.promise, error);
});

test.run();
