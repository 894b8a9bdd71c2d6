// Tests that a connection of amqplib ends with everything that keeps a process alive.

import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { destroyConnection, openConnectionOf } from '../../../../src/session/patches/open-connection.ts';

test('stops the heartbeats of a connection that it destroys', () => {
  let isCleared = false;
  const heartbeater = {
    clear: () => {
      isCleared = true;
    },
  };
  const stream = new PassThrough();
  const connection = Object.assign(new EventEmitter(), {
    connection: Object.assign(new EventEmitter(), { stream, heartbeater }),
  });
  destroyConnection(openConnectionOf(connection));
  assert.ok(isCleared);
  assert.ok(stream.destroyed);
});

test('destroys a connection without heartbeats', () => {
  const stream = new PassThrough();
  const connection = Object.assign(new EventEmitter(), { connection: Object.assign(new EventEmitter(), { stream }) });
  destroyConnection(openConnectionOf(connection));
  assert.ok(stream.destroyed);
});

test.run();
