// mq peek reads a stream of any length with the same memory, and ends at a signal while its output stalls.

import { queryObjects } from 'node:v8';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../../src/context.ts';
import type { MqError } from '../../../src/errors.ts';
import { readPeeked } from '../../../src/roles/peek.ts';
import type { RawMessage } from '../../../src/session/wire.ts';

const raw: RawMessage = {
  content: Buffer.from('x'),
  fields: { consumerTag: '', deliveryTag: 1, exchange: 'e', routingKey: 'k', redelivered: false },
  properties: {},
};

/** Reads a stream with this number of messages. */
function readStream(count: number, drain: AbortSignal, show: () => Promise<void>): Promise<void> {
  const stream = {
    async *messages() {
      for (let sent = 0; sent < count; sent += 1) yield raw;
    },
    close: async () => undefined,
  };
  const parts = {
    context: { drain } as Context,
    ...{ reader: { stream: async () => stream }, type: 'stream', settings: { count, filters: [] } },
    ...{ show, isEnough: () => false },
  };
  return readPeeked(parts as unknown as Parameters<typeof readPeeked>[0]);
}

test('keeps nothing of a message that was printed', async () => {
  let shown = 0;
  const promises: number[] = [];
  await readStream(10_000, new AbortController().signal, async () => {
    shown += 1;
    // The query collects garbage before it counts.
    if (shown === 1 || shown === 10_000) promises.push(Number(queryObjects(Promise, { format: 'count' })));
  });
  const [first = 0, last = Number.POSITIVE_INFINITY] = promises;
  assert.ok(last - first < 100, `${first} promises at the first message, ${last} at the last one`);
});

test('ends at a signal while a message cannot be printed', async () => {
  const drain = new AbortController();
  const shows: string[] = [];
  const show = () => {
    shows.push('show');
    queueMicrotask(() => drain.abort('SIGTERM'));
    return new Promise<void>(() => undefined);
  };
  const code = await readStream(2, drain.signal, show).catch((error: MqError) => error.code);
  assert.equal([code, shows], ['TERMINATED', ['show']]);
});

test.run();
