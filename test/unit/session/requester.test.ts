// Tests which request receives a reply when several requests have the same correlation id.

import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import type { BrokerConnection } from '../../../src/session/connecting/broker-connection.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { OutgoingMessage } from '../../../src/session/outgoing-message.ts';
import { Requester } from '../../../src/session/requester.ts';

type OnReply = (reply: object) => void;

/** A channel that answers nothing by itself. It emits `sent` for each request. */
class FakeChannel extends EventEmitter {
  readonly connection = { stream: { bytesWritten: 0, writableLength: 0, writableNeedDrain: false } };
  #onReply: OnReply = () => undefined;

  consume(_queue: string, onReply: OnReply, _options: object, next: (error: null) => void): void {
    this.#onReply = onReply;
    next(null);
  }

  sendMessage(): boolean {
    setImmediate(() => this.emit('sent'));
    return true;
  }

  reply(text: string): void {
    this.#onReply({ content: Buffer.from(text), fields: {}, properties: { correlationId: 'x' } });
  }
}

async function scene(replyTimeoutMs: number) {
  const channel = new FakeChannel();
  const parts = { confirmChannel: async () => channel, answered: (_: string, answer: unknown) => answer };
  const connection = Object.assign(new EventEmitter(), parts) as unknown as BrokerConnection;
  const limits = { window: 10, timeoutMs: 60_000, replyTimeoutMs, ownQueue: false };
  const requester = await Requester.open(connection, { vhost: '/', counts: newCounts(), redact: String, ...limits });
  /** Resolves with the text of the reply, or with the code of the error. */
  const ask = (given: Pick<OutgoingMessage, 'properties' | 'hasFixedId'>): Promise<string> =>
    requester.request({ exchange: '', routingKey: 'q', body: Buffer.from('?'), mandatory: true, ...given }).then(
      (reply) => `${reply.content}`,
      (error: unknown) => (error instanceof MqError ? error.code : `${error}`),
    );
  const sent = () => new Promise<void>((resolve) => channel.once('sent', resolve));
  return { channel, requester, ask, sent };
}

for (const given of [
  { properties: { messageId: 'x' }, hasFixedId: true },
  { properties: { messageId: '1', correlationId: 'x' } },
]) {
  test(`a late reply is not the reply to the next request: ${JSON.stringify(given)}`, async () => {
    const { channel, requester, ask } = await scene(1);
    const first = ask(given);
    assert.is(await first, 'DEADLINE');
    channel.emit('ack', { deliveryTag: 1, multiple: false });
    channel.on('sent', () => channel.reply('late')); // the server has answered the first request
    assert.is(await ask(given), 'IN_DOUBT');
    requester.close();
  });
}

test('a late nack of an answered request does not end the next one', async () => {
  const { channel, requester, ask, sent } = await scene(60_000);
  const first = ask({ properties: { messageId: '1', correlationId: 'x' } });
  await sent();
  channel.reply('one');
  assert.is(await first, 'one');
  const second = ask({ properties: { messageId: '2', correlationId: 'x' } });
  await sent();
  channel.emit('nack', { deliveryTag: 1, multiple: false });
  channel.reply('two');
  requester.abandon(new MqError('IN_DOUBT', 'the second reply was dropped'));
  assert.is(await second, 'two');
  requester.close();
});

test.run();
