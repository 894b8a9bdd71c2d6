// A channel that is gone before it is used: the next one takes what waits.

import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Link } from '../../../src/session/connecting/link.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { Sent } from '../../../src/session/outgoing-message.ts';
import { Publisher, type PublisherSettings } from '../../../src/session/publisher.ts';

/** As amqplib throws it. */
const closed = Object.assign(new Error('Channel closed'), { name: 'IllegalOperationError' });

interface FakeChannel extends EventEmitter {
  isClosed: boolean;
  close: (error?: Error) => void;
}

/** A link whose channels confirm everything; `made` holds them in order. */
function fakeLink(): { link: Link; made: FakeChannel[] } {
  const made: FakeChannel[] = [];
  const confirmChannel = async () => {
    const channel = Object.assign(new EventEmitter(), {
      isClosed: false,
      connection: { stream: { bytesWritten: 0, writableLength: 0, writableNeedDrain: false } },
      close: (error?: Error) => {
        channel.isClosed = true;
        if (error) channel.emit('error', error);
        channel.emit('close');
      },
      publish: (...args: readonly unknown[]) => {
        if (channel.isClosed) throw closed;
        setImmediate(args[4] as (error: null) => void, null);
        return true;
      },
    });
    made.push(channel);
    return channel;
  };
  const answered = (_: string, answer: Promise<unknown>) => answer;
  return { link: Object.assign(new EventEmitter(), { confirmChannel, answered }) as unknown as Link, made };
}

async function withPublisher(
  link: Link,
  onChannel: NonNullable<PublisherSettings['onChannel']>,
  work: (publisher: Publisher) => Promise<void>,
): Promise<void> {
  const redact = (text: string) => text;
  const settings = { vhost: '/', window: 10, timeoutMs: 2000, counts: newCounts(), redact, onChannel };
  const publisher = await Publisher.open(link, settings);
  try {
    await work(publisher);
  } finally {
    publisher.close();
  }
}

function sent(publisher: Publisher): Promise<Sent> {
  const message = { exchange: '', routingKey: 'q', body: Buffer.from('x'), mandatory: true };
  return publisher.publish({ ...message, properties: { messageId: '1' } });
}

test('a channel that closes right after the last answer it needed is not used', async () => {
  const { link, made } = fakeLink();
  const onChannel = async () => {
    // The second one, with its connection.
    if (made.length === 2) made[1]?.close();
  };
  await withPublisher(link, onChannel, async (publisher) => {
    made[0]?.close();
    assert.is((await sent(publisher)).type, 'confirmed');
    assert.is(made.length, 3);
  });
});

test('what closes it then for good is the end, with its reason', async () => {
  const { link, made } = fakeLink();
  const refusal = new Error('Channel closed by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - no"');
  const onChannel = async () => made[1]?.close(refusal);
  await withPublisher(link, onChannel, async (publisher) => {
    made[0]?.close();
    const outcome = await sent(publisher);
    assert.is(outcome.type === 'in doubt' && outcome.error.code, 'NOT_PERMITTED');
  });
});

test('a channel that was closed before anybody listened is replaced when it is used', async () => {
  const { link, made } = fakeLink();
  const onChannel = async () => undefined;
  await withPublisher(link, onChannel, async (publisher) => {
    const [first] = made;
    if (first) first.isClosed = true;
    assert.is((await sent(publisher)).type, 'confirmed');
    assert.is(made.length, 2);
  });
});

test('the pause between two channels that cannot be opened doubles, to ten seconds at most', async () => {
  const { link, made } = fakeLink();
  const onChannel = async () => {
    if (made.length > 1 && made.length < 11) throw new Error('Channel closed');
  };
  await withPublisher(link, onChannel, async (publisher) => {
    const pauses: unknown[] = [];
    const timer = mock.method(globalThis, 'setTimeout', (next: () => void, milliseconds: number) => {
      pauses.push(milliseconds);
      return setImmediate(next);
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
