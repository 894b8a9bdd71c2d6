import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ByteWriter } from '../../../../src/session/codec/byte-writer.ts';
import { smallBody, writeMessage } from '../../../../src/session/codec/message-frames.ts';
import { MessageSeries, type OutgoingMessage } from '../../../../src/session/outgoing-message.ts';
import type { Properties } from '../../../../src/session/wire.ts';

function framesOf(message: OutgoingMessage, channel = { number: 1, frameMax: 8192 }): string {
  const writer = new ByteWriter();
  writeMessage(writer, channel, message);
  return writer.copy().toString('hex');
}

/** Returns a message with the same fields that does not belong to a series. */
function plain({ exchange, routingKey, mandatory, body, properties }: OutgoingMessage): OutgoingMessage {
  return { exchange, routingKey, mandatory, body, properties };
}

const all: Properties = {
  ...{ contentType: 'text/plain', contentEncoding: 'gzip', headers: { a: 1, b: ['x'] }, deliveryMode: 2, priority: 3 },
  ...{ correlationId: 'c', replyTo: 'r', expiration: '60000', timestamp: 1_700_000_000, type: 't', userId: 'guest' },
  ...{ appId: 'app', clusterId: 'cluster' },
};

const series = [
  { exchange: '', routingKey: 'q', mandatory: true, properties: { deliveryMode: 2 } },
  { exchange: 'täglich', routingKey: 'a.b', mandatory: false, properties: all },
  { exchange: 'x', routingKey: '', mandatory: true, properties: {} },
].map((settings) => new MessageSeries(settings));

test('writes the messages of a series with the bytes of a single message', () => {
  // Series and channels alternate, so a template is also replaced.
  for (let number = 1; number <= 1200; number += 1) {
    const channel = { number: number % 7, frameMax: 8192 };
    for (const one of series) {
      const message = one.message(Buffer.alloc(number % 3 === 0 ? 0 : (number * 37) % (smallBody + 100), 'x'));
      assert.is(framesOf(message, channel), framesOf(plain(message), channel));
      assert.is(framesOf(message, channel), framesOf(plain(message), channel));
    }
  }
});

test('writes ids of any number of digits', () => {
  const one = new MessageSeries({ exchange: '', routingKey: 'q', mandatory: true, properties: {} });
  const channel = { number: 1, frameMax: 8192 };
  const first = one.message(Buffer.from('x'));
  for (const number of [9, 10, 99, 100, 999_999, 1_000_000, 4_294_967_296, Number.MAX_SAFE_INTEGER]) {
    const message = Object.assign(Object.create(first), { number });
    assert.is(framesOf(message, channel), framesOf(plain(message), channel), String(number));
  }
});

test('refuses a message of a series whose properties exceed a frame', () => {
  const channel = { number: 1, frameMax: 4096 };
  const headers = { a: 'x'.repeat(4023) };
  const one = new MessageSeries({ exchange: '', routingKey: 'q', mandatory: true, properties: { headers } });
  const refusals: number[] = [];
  for (let number = 1; number <= 110; number += 1) {
    const message = one.message(Buffer.alloc(0));
    const isRefused = (sent: OutgoingMessage) => {
      try {
        framesOf(sent, channel);
        return false;
      } catch {
        return true;
      }
    };
    assert.is(isRefused(message), isRefused(plain(message)), String(number));
    if (isRefused(message)) refusals.push(number);
  }
  assert.is(refusals[0], 100);
});

test.run();
