// A message that is long on its way is no silence of the node; what it says of it is measured from when it was there.

import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Link } from '../../../src/session/connecting/link.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { Sent } from '../../../src/session/outgoing-message.ts';
import { Publisher } from '../../../src/session/publisher.ts';

interface World {
  readonly publisher: Publisher;
  readonly outcome: Promise<Sent>;
  readonly left: string[];
  readonly answer: (error: Error | null) => void;
  /** Seconds pass, the clock ticks, and so many bytes leave in each. */
  readonly pass: (seconds: number, bytes: number) => void;
  /** Seconds pass in which this process does not run. */
  readonly sleep: (seconds: number) => void;
}

/** One message on its way to a node that answers when it is told to, over a socket that others wait for. */
async function uploading(test: (world: World) => Promise<void> | void): Promise<void> {
  let now = 0;
  mock.timers.enable({ apis: ['setInterval'] });
  const clock = mock.method(performance, 'now', () => now);
  const stream = { bytesWritten: 0, writableLength: 0, writableNeedDrain: true };
  let answer: World['answer'] = () => undefined;
  const publish = (...args: readonly unknown[]) => {
    answer = args[4] as World['answer'];
    return true;
  };
  const left: string[] = [];
  const link = Object.assign(new EventEmitter(), {
    confirmChannel: async () => Object.assign(new EventEmitter(), { connection: { stream }, publish }),
    leave: ({ message }: Error) => left.push(message),
  });
  const settings = {
    vhost: '/',
    window: 10,
    timeoutMs: 600_000,
    counts: newCounts(),
    redact: (text: string) => text,
  };
  const publisher = await Publisher.open(link as unknown as Link, settings);
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
      answer: (error) => answer(error),
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

const nack = new Error('message nacked');

test('a node that takes an upload is not left; one that takes nothing more is', () =>
  uploading(({ left, pass }) => {
    pass(100, 200_000);
    assert.equal(left, []);
    pass(24, 0);
    assert.equal(left, []);
    pass(2, 0);
    assert.equal(left, ['the node has confirmed nothing in 25 s']);
  }));

test('a nack of a message that was long on its way is a refusal', () =>
  uploading(async ({ left, pass, answer, outcome }) => {
    pass(60, 200_000);
    pass(9, 0);
    answer(nack);
    assert.equal(left, []);
    assert.is((await outcome).type, 'refused');
  }));

test('a nack after a sleep of this process is a refusal', () =>
  uploading(async ({ left, sleep, answer, outcome }) => {
    sleep(60);
    answer(nack);
    assert.equal(left, []);
    assert.is((await outcome).type, 'refused');
  }));

test('a nack that took 10 s is no refusal: the node is left', () =>
  uploading(({ left, pass, answer }) => {
    pass(10, 0);
    answer(nack);
    assert.equal(left, ['the node took 10 s for a nack']);
  }));

test.run();
