// Tests the faults that an interference simulates in the broker.

import { once } from 'node:events';
import type { ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Clock, systemClock } from '../../src/broker/clock.ts';
import type { Interference } from '../../src/broker/interference.ts';
import { drain, Place } from '../support/embedded.ts';
import { until } from '../support/until.ts';

const none: Interference = {
  opened: () => undefined,
  latencyMs: () => 0,
  publish: () => undefined,
  isFull: () => false,
  keepBack: () => false,
  acknowledge: () => undefined,
};

test('a message whose ack is lost is delivered again and marked as redelivered', () => {
  const acknowledge: Interference['acknowledge'] = ({ entry }) => (entry.redelivered ? undefined : { isLost: true });
  return withFaults({ acknowledge }, async (place) => {
    const channel = await queueOf(place, ['a']);
    const received = await consume(channel);
    await until('two deliveries', () => received.length === 2);
    assert.equal(received, ['a', 'a again']);
    await channel.close();
    assert.equal(await drain(await place.channel(), 'q'), []);
  });
});

test('only a quorum queue counts the returns of a message whose ack is lost', () => {
  const acknowledge: Interference['acknowledge'] = ({ entry }) => (entry.redelivered ? undefined : { isLost: true });
  return withFaults({ acknowledge }, async (place) => {
    for (const type of ['classic', 'quorum']) {
      const channel = await place.channel();
      await channel.assertQueue(type, { arguments: { 'x-queue-type': type } });
      channel.sendToQueue(type, Buffer.from('a'));
      await channel.waitForConfirms();
      const headers: unknown[] = [];
      await channel.consume(type, (message) => {
        if (message === null) return;
        headers.push({ ...message.properties.headers });
        channel.ack(message);
      });
      await until('two deliveries', () => headers.length === 2);
      assert.equal(headers, [{}, type === 'quorum' ? { 'x-acquired-count': 1 } : {}]);
    }
  });
});

test('a connection that is closed before its ack has its message back', () => {
  const acknowledge: Interference['acknowledge'] = ({ entry }) =>
    entry.redelivered ? undefined : { isLost: true, closesFor: 'a fault' };
  return withFaults({ acknowledge }, async (place) => {
    const connection = await place.connection();
    const channel = await queueOf(place, ['a', 'b'], connection);
    const closed = once(connection, 'close');
    const received = await consume(channel, 1);
    assert.match(String((await closed)[0]), /320.*a fault/);
    assert.equal(received, ['a']);
    assert.equal(await drain(await place.channel(), 'q'), ['a', 'b']);
  });
});

test('a connection that is closed after its ack has no message back', () => {
  const acknowledge: Interference['acknowledge'] = () => ({ isLost: false, closesFor: 'a fault' });
  return withFaults({ acknowledge }, async (place) => {
    const connection = await place.connection();
    const channel = await queueOf(place, ['a', 'b'], connection);
    const closed = once(connection, 'close');
    const received = await consume(channel, 1);
    await closed;
    assert.equal(received, ['a']);
    assert.equal(await drain(await place.channel(), 'q'), ['b']);
  });
});

test('a message that is kept back arrives after its successors', () => {
  const kept: (() => void)[] = [];
  const keepBack: Interference['keepBack'] = ({ entry }, putBack) => {
    if (entry.redelivered || kept.length > 0) return false;
    kept.push(putBack);
    return true;
  };
  return withFaults({ keepBack }, async (place) => {
    const channel = await queueOf(place, ['a', 'b', 'c']);
    const received = await consume(channel, 1);
    await until('the successors', () => received.length === 2);
    kept[0]?.();
    await until('the message', () => received.length === 3);
    assert.equal(received, ['b', 'c', 'a']);
  });
});

test('a stream is neither reordered nor redelivered', () =>
  withFaults({ keepBack: () => true, acknowledge: () => ({ isLost: true }) }, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('events', { arguments: { 'x-queue-type': 'stream' } });
    for (const body of ['a', 'b', 'c']) channel.sendToQueue('events', Buffer.from(body));
    await channel.waitForConfirms();
    const received: string[] = [];
    await channel.prefetch(1);
    const read = (message: ConsumeMessage | null) => {
      if (message === null) return;
      received.push(textOf(message));
      channel.ack(message);
    };
    await channel.consume('events', read, { arguments: { 'x-stream-offset': 'first' } });
    await until('the messages of the stream', () => received.length === 3);
    assert.equal(received, ['a', 'b', 'c']);
  }));

test('late confirms arrive after those of later publishes', async () => {
  const delays = [60, 0, 20];
  const publish: Interference['publish'] = () => {
    const confirmAfterMs = delays.shift() ?? 0;
    return confirmAfterMs > 0 ? { confirmAfterMs } : undefined;
  };
  const timers = new Map<number, () => void>();
  const after: Clock['after'] = (milliseconds, run) => {
    timers.set(milliseconds, run);
    return { cancel: () => undefined };
  };
  await Place.with({ clock: { ...systemClock, after }, interference: { ...none, publish } }, async (place) => {
    const channel = await place.channel();
    const confirmed: number[] = [];
    for (const at of [1, 2, 3]) channel.publish('', 'q', Buffer.alloc(0), {}, () => confirmed.push(at));
    await until('the confirm without a delay', () => confirmed.length === 1);
    for (const [index, milliseconds] of [20, 60].entries()) {
      timers.get(milliseconds)?.();
      await until('a late confirm', () => confirmed.length === index + 2);
    }
    assert.equal(confirmed, [2, 3, 1]);
  });
});

test('a refused publish reaches no queue and is nacked', () =>
  withFaults({ publish: () => ({ isRefused: true }) }, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q');
    assert.instance(await published(channel, 'q'), Error);
    assert.equal(await drain(channel, 'q'), []);
  }));

test('a connection that is closed instead of a confirm keeps its message', () =>
  withFaults({ publish: () => ({ closesFor: 'a fault' }) }, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q');
    assert.instance(await published(channel, 'q'), Error);
    assert.equal(await drain(await place.channel(), 'q'), ['q']);
  }));

test('a full queue rejects a publish that another queue accepts', () =>
  withFaults({ isFull: (queue) => queue === 'full' }, async (place) => {
    const channel = await place.channel();
    for (const queue of ['full', 'open']) {
      await channel.assertQueue(queue);
      await channel.bindQueue(queue, 'amq.fanout', '');
    }
    assert.instance(await published(channel, '', 'amq.fanout'), Error);
    assert.equal(await drain(channel, 'full'), []);
    assert.equal(await drain(channel, 'open'), ['']);
  }));

test('latency delays all frames without changing their order', () => {
  const delays = [5, 40, 0, 10];
  return withFaults({ latencyMs: () => delays.shift() ?? 0 }, async (place) => {
    const channel = await queueOf(place, ['a', 'b', 'c']);
    const received = await consume(channel);
    await until('the messages', () => received.length === 3);
    assert.equal(received, ['a', 'b', 'c']);
  });
});

test('a client is blocked when it opens its connection', () => {
  let unblock = () => {};
  const opened: Interference['opened'] = (client) => {
    client.block(true);
    unblock = () => client.block(false);
  };
  return withFaults({ opened }, async (place) => {
    const connection = await place.connection();
    const channel = await place.channel(connection);
    const blocked = once(connection, 'blocked');
    channel.publish('', 'q', Buffer.alloc(0));
    await blocked;
    const unblocked = once(connection, 'unblocked');
    unblock();
    await unblocked;
    await channel.waitForConfirms();
  });
});

function withFaults(faults: Partial<Interference>, use: (place: Place) => Promise<void>): Promise<void> {
  return Place.with({ interference: { ...none, ...faults } }, use);
}

/** Returns a channel, with messages in the queue `q`. */
async function queueOf(place: Place, bodies: readonly string[], connection?: ChannelModel): Promise<ConfirmChannel> {
  const channel = await place.channel(connection);
  await channel.assertQueue('q');
  for (const body of bodies) channel.sendToQueue('q', Buffer.from(body));
  await channel.waitForConfirms();
  return channel;
}

/** Acknowledges all messages of `q`, and returns a list to which it adds them. */
async function consume(channel: ConfirmChannel, prefetch = 0): Promise<string[]> {
  const received: string[] = [];
  await channel.prefetch(prefetch);
  await channel.consume('q', (message) => {
    if (message === null) return;
    received.push(textOf(message));
    channel.ack(message);
  });
  return received;
}

function textOf({ content, fields }: ConsumeMessage): string {
  return fields.redelivered ? `${content} again` : String(content);
}

/** Publishes the routing key as the body, and returns the error of the publish. */
function published(channel: ConfirmChannel, key: string, exchange = ''): Promise<unknown> {
  return new Promise((resolve) => channel.publish(exchange, key, Buffer.from(key), {}, (error) => resolve(error)));
}

test.run();
