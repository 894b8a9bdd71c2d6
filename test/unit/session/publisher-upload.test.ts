// Tests that a slow upload is not mistaken for a node that does not answer, and that the delay of a nack is measured
// from the end of the upload.

import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BrokerConnection } from '../../../src/session/connecting/broker-connection.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { PublishOutcome } from '../../../src/session/outgoing-message.ts';
import { Publisher } from '../../../src/session/publisher.ts';

interface Upload {
  readonly publisher: Publisher;
  readonly outcome: Promise<PublishOutcome>;
  readonly left: string[];
  readonly nack: () => void;
  /** Advances the clock. The socket sends `bytes` in each second. */
  readonly pass: (seconds: number, bytes: number) => void;
  /** Advances the clock while this process is suspended. */
  readonly sleep: (seconds: number) => void;
}

/** Publishes one message over a socket with a backlog. The test calls `nack` in place of the node. */
async function uploading(test: (upload: Upload) => Promise<void> | void): Promise<void> {
  let now = 0;
  mock.timers.enable({ apis: ['setInterval'] });
  const clock = mock.method(performance, 'now', () => now);
  const stream = { bytesWritten: 0, writableLength: 0, writableNeedDrain: true };
  const channel = Object.assign(new EventEmitter(), { connection: { stream }, sendMessage: () => true });
  const left: string[] = [];
  const connection = Object.assign(new EventEmitter(), {
    confirmChannel: async () => channel,
    leave: ({ message }: Error) => left.push(message),
  });
  const settings = {
    vhost: '/',
    window: 10,
    timeoutMs: 600_000,
    counts: newCounts(),
    redact: (text: string) => text,
  };
  const publisher = await Publisher.open(connection as unknown as BrokerConnection, settings);
  try {
    const message = { exchange: '', routingKey: 'q', body: Buffer.from('x'), mandatory: true };
    const outcome = publisher.publish({ ...message, properties: { messageId: '1' } });
    await new Promise<void>((resolve) => setImmediate(resolve));
    const pass = (seconds: number, bytes: number) => {
      for (let second = 0; second < seconds; second += 1) {
        now += 1000;
        stream.bytesWritten += bytes;
        mock.timers.tick(1000);
      }
    };
    await test({
      publisher,
      outcome,
      left,
      nack: () => channel.emit('nack', { deliveryTag: 1, multiple: false }),
      pass,
      sleep: (seconds) => {
        now += 1000 * seconds;
      },
    });
  } finally {
    publisher.close();
    clock.mock.restore();
    mock.timers.reset();
  }
}

test('leaves a node only when the upload stops', () =>
  uploading(({ left, pass }) => {
    pass(100, 200_000);
    assert.equal(left, []);
    pass(24, 0);
    assert.equal(left, []);
    pass(2, 0);
    assert.equal(left, ['the node has confirmed nothing in 25 s']);
  }));

test('reads a nack after a long upload as a refusal', () =>
  uploading(async ({ left, pass, nack, outcome }) => {
    pass(60, 200_000);
    pass(9, 0);
    nack();
    assert.equal(left, []);
    assert.is((await outcome).type, 'refused');
  }));

test('reads a nack after a suspension of this process as a refusal', () =>
  uploading(async ({ left, sleep, nack, outcome }) => {
    sleep(60);
    nack();
    assert.equal(left, []);
    assert.is((await outcome).type, 'refused');
  }));

test('leaves a node whose nack arrives after 10 s', () =>
  uploading(({ left, pass, nack }) => {
    pass(10, 0);
    nack();
    assert.equal(left, ['the node sent a nack after more than 10 s']);
  }));

test.run();
