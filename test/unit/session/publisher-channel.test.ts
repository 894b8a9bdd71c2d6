// Tests that the publisher replaces a channel that closes before it is used.

import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Recorder } from '../../../src/observe/traces/recorder.ts';
import type { BrokerConnection } from '../../../src/session/connecting/broker-connection.ts';
import { newCounts } from '../../../src/session/counts.ts';
import { failureOf } from '../../../src/session/failure.ts';
import type { OutgoingMessage, PublishOutcome, WritableMessage } from '../../../src/session/outgoing-message.ts';
import { Publisher, type PublisherSettings } from '../../../src/session/publisher.ts';

/** The error that amqplib throws. */
const closed = Object.assign(new Error('Channel closed'), { name: 'IllegalOperationError' });

const internalError = failureOf(
  new Error('Connection closed: 541 (INTERNAL-ERROR) with message "INTERNAL_ERROR"'),
  String,
);

interface FakeChannel extends EventEmitter {
  isClosed: boolean;
  /** Thrown for each message. */
  encodingError: Error | undefined;
  close: (error?: Error) => void;
}

/** A connection whose channels confirm everything. `made` contains them in order. */
function fakeConnection(): { connection: BrokerConnection; made: FakeChannel[] } {
  const made: FakeChannel[] = [];
  const confirmChannel = async () => {
    let deliveryTag = 0;
    const channel: FakeChannel = Object.assign(new EventEmitter(), {
      isClosed: false,
      encodingError: undefined,
      connection: { stream: { bytesWritten: 0, writableLength: 0, writableNeedDrain: false } },
      close: (error?: Error) => {
        channel.isClosed = true;
        if (error) channel.emit('error', error);
        channel.emit('close');
      },
      sendMessage: () => {
        if (channel.isClosed) throw closed;
        if (channel.encodingError) throw channel.encodingError;
        deliveryTag += 1;
        setImmediate(() => channel.emit('ack', { deliveryTag, multiple: true }));
        return true;
      },
    });
    made.push(channel);
    return channel;
  };
  const answered = (_: string, answer: Promise<unknown>) => answer;
  return {
    connection: Object.assign(new EventEmitter(), { confirmChannel, answered }) as unknown as BrokerConnection,
    made,
  };
}

async function withPublisher(
  connection: BrokerConnection,
  onChannel: NonNullable<PublisherSettings['onChannel']>,
  work: (publisher: Publisher) => Promise<void>,
  tracer?: PublisherSettings['tracer'],
): Promise<void> {
  const redact = (text: string) => text;
  const settings = { vhost: '/', window: 10, timeoutMs: 2000, counts: newCounts(), redact, onChannel, tracer };
  const publisher = await Publisher.open(connection, settings);
  try {
    await work(publisher);
  } finally {
    publisher.close();
  }
}

function sent(publisher: Publisher): Promise<PublishOutcome> {
  const message = { exchange: '', routingKey: 'q', body: Buffer.from('x'), mandatory: true };
  return publisher.publish({ ...message, properties: { messageId: '1' } });
}

test('does not use a channel that closes right after its last declaration', async () => {
  const { connection, made } = fakeConnection();
  const onChannel = async () => {
    // The second channel closes together with its connection.
    if (made.length === 2) made[1]?.close();
  };
  await withPublisher(connection, onChannel, async (publisher) => {
    made[0]?.close();
    assert.is((await sent(publisher)).type, 'confirmed');
    assert.is(made.length, 3);
  });
});

test('fails with the reason when the broker refuses the next channel', async () => {
  const { connection, made } = fakeConnection();
  const refusal = new Error('Channel closed by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - no"');
  const onChannel = async () => made[1]?.close(refusal);
  await withPublisher(connection, onChannel, async (publisher) => {
    made[0]?.close();
    const outcome = await sent(publisher);
    assert.is(outcome.type === 'in doubt' && outcome.error.code, 'NOT_PERMITTED');
  });
});

test('replaces a channel that closed before a listener was added', async () => {
  const { connection, made } = fakeConnection();
  const onChannel = async () => undefined;
  await withPublisher(connection, onChannel, async (publisher) => {
    const [first] = made;
    if (first) first.isClosed = true;
    assert.is((await sent(publisher)).type, 'confirmed');
    assert.is(made.length, 2);
  });
});

test('settles its messages at a confirm with a tag that no message has', async () => {
  const { connection, made } = fakeConnection();
  await withPublisher(
    connection,
    async () => undefined,
    async (publisher) => {
      const outcome = sent(publisher);
      made[0]?.emit('ack', { deliveryTag: Number.MAX_SAFE_INTEGER, multiple: true });
      assert.is((await outcome).type, 'confirmed');
    },
  );
});

test('refuses many messages that cannot be encoded, after a lost channel', async () => {
  const { connection, made } = fakeConnection();
  await withPublisher(
    connection,
    async () => {
      for (const channel of made.slice(1)) channel.encodingError = new RangeError('too long');
    },
    async (publisher) => {
      made[0]?.close();
      const errors = new Map<string, number>();
      const message = { exchange: '', routingKey: 'q', body: Buffer.from('x'), mandatory: true };
      for (let number = 0; number < 50_000; number += 1)
        publisher.send({ ...message, properties: { messageId: String(number) } }, (outcome) => {
          const text = outcome.type === 'refused' ? outcome.error.message : outcome.type;
          errors.set(text, (errors.get(text) ?? 0) + 1);
        });
      await publisher.settled();
      assert.equal([...errors], [['the message cannot be sent: too long', 50_000]]);
    },
  );
});

test('publishes without a trace if the headers do not fit with it', async () => {
  const { connection, made } = fakeConnection();
  const written: WritableMessage[] = [];
  const onChannel = async () => {
    const channel = made.at(-1) as FakeChannel & { sendMessage: (message: WritableMessage) => boolean };
    const { sendMessage } = channel;
    channel.sendMessage = (message) => {
      if ('traceparent' in (message.properties.headers ?? {})) throw new RangeError('its properties are too large');
      written.push(message);
      return sendMessage(message);
    };
  };
  const tracer = new Recorder(
    () => true,
    () => undefined,
  ).on(() => ({ host: 'a', port: 1 }));
  const trace = { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, tracestate: 'a=1' };
  await withPublisher(
    connection,
    onChannel,
    async (publisher) => {
      const message = { exchange: '', routingKey: 'q', body: Buffer.from('x'), mandatory: true };
      const sendOne = (headers: object, operation?: 'retry' | 'reply') =>
        publisher.publish({ ...message, ...(operation && { operation }), properties: { headers: { ...headers } } });
      assert.is((await sendOne({ a: 1 })).type, 'confirmed');
      assert.is((await sendOne({ a: 2, ...trace }, 'retry')).type, 'confirmed');
      // The headers of a user are never removed.
      assert.is((await sendOne({ a: 3, ...trace })).type, 'refused');
    },
    tracer,
  );
  assert.equal(
    written.map(({ properties }) => ({ ...properties.headers })),
    [{ a: 1 }, { a: 2 }],
  );
});

test('ends only the message that leads to internal errors of the broker', async () => {
  const { connection, made } = fakeConnection();
  const bodies = ['a', 'b', 'bad', 'c'];
  const read: string[][] = [];
  const onChannel = async () => {
    const channel = made.at(-1) as FakeChannel & { sendMessage: (message: OutgoingMessage) => boolean };
    const own: string[] = [];
    read.push(own);
    let isBroken = false;
    channel.sendMessage = ({ body }) => {
      const text = body.toString();
      own.push(text);
      if (text === 'bad') {
        isBroken = true;
        setImmediate(() => {
          channel.close();
          connection.emit('lost', internalError);
        });
      } else if (read.length > 1) {
        const deliveryTag = own.length;
        setImmediate(() => isBroken || channel.emit('ack', { deliveryTag, multiple: false }));
      }
      return true;
    };
  };
  await withPublisher(connection, onChannel, async (publisher) => {
    const outcomes = await Promise.all(
      bodies.map((body, id) => {
        const message = { exchange: '', routingKey: 'q', body: Buffer.from(body), mandatory: true };
        return publisher.publish({ ...message, properties: { messageId: String(id) } });
      }),
    );
    assert.equal(
      outcomes.map(({ type }) => type),
      ['confirmed', 'confirmed', 'in doubt', 'confirmed'],
    );
    assert.match(outcomes[2]?.type === 'in doubt' ? outcomes[2].error.message : '', /twice with an internal error/);
    assert.equal(read, [bodies, ['a', 'b', 'bad'], ['c']]);
  });
});

test('doubles the pause between attempts to open a channel, up to 10 s', async () => {
  const { connection, made } = fakeConnection();
  const onChannel = async () => {
    if (made.length > 1 && made.length < 11) throw new Error('Channel closed');
  };
  await withPublisher(connection, onChannel, async (publisher) => {
    const pauses: unknown[] = [];
    const timer = mock.method(globalThis, 'setTimeout', (next: () => void, milliseconds: number) => {
      pauses.push(milliseconds);
      // The event loop does not run an immediate after `unref` in time.
      return Object.assign(setImmediate(next), { unref: () => undefined });
    });
    try {
      made[0]?.close();
      assert.is((await sent(publisher)).type, 'confirmed');
    } finally {
      timer.mock.restore();
    }
    assert.equal(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });
});

test.run();
