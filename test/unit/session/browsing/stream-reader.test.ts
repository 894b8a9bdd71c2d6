// The reader of a stream ends where the stream ends, and not where the broker stalls.

import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import { StreamReader } from '../../../../src/session/browsing/stream-reader.ts';
import type { BrokerConnection } from '../../../../src/session/connecting/broker-connection.ts';

type Next = (error: Error | null, answer?: unknown) => void;

/** A channel that delivers the first message at once, and calls `onCheck` when mq asks for the queue. */
class FakeChannel extends EventEmitter {
  deliver: (raw: unknown) => void = () => undefined;
  readonly #onCheck: (channel: FakeChannel, next: Next) => void;

  constructor(onCheck: (channel: FakeChannel, next: Next) => void) {
    super();
    this.#onCheck = onCheck;
  }

  prefetch(_count: number, _global: boolean, next: Next): void {
    next(null);
  }

  consume(_queue: string, onMessage: (raw: unknown) => void, _options: object, next: Next): void {
    this.deliver = onMessage;
    next(null, { consumerTag: 't' });
    onMessage('first');
  }

  checkQueue(_queue: string, next: Next): void {
    this.#onCheck(this, next);
  }

  ack(): void {}

  close(next: () => void): void {
    next();
  }
}

async function read(channel: FakeChannel): Promise<unknown[]> {
  const connection = { channel: async () => channel, answered: (_: string, work: Promise<unknown>) => work };
  const settings = { vhost: '/', queue: 's', offset: 'first', most: 10, redact: (text: string) => text } as const;
  const reader = await StreamReader.open(connection as unknown as BrokerConnection, settings);
  const found: unknown[] = [];
  for await (const raw of reader.messages()) found.push(raw);
  return found;
}

test('receives a message that a stalled broker sends late', async () => {
  let asked = 0;
  const channel = new FakeChannel((self, next) => {
    asked += 1;
    if (asked === 1) self.deliver('late');
    next(null, {});
  });
  assert.equal([await read(channel), asked], [['first', 'late'], 2]);
});

test('reports a connection that is lost while the broker stalls', async () => {
  const channel = new FakeChannel((self, next) => {
    next(new Error('Channel ended, no reply will be forthcoming'));
    self.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  });
  const error = await read(channel).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, MqError);
  assert.match((error as MqError).message, /ECONNRESET|reset|lost/i);
});

test.run();
