import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Writer } from '../../../../src/broker/codec/values.ts';
import { Destinations } from '../../../../src/broker/vhost/destinations.ts';

test('returns the same destination until the virtual host changes', () => {
  const destinations = new Destinations();
  const find = (bytes: Buffer, version: number) => destinations.find(bytes, 0, bytes.length, version);
  const first = find(fields('e', 'key', 0), 1);
  assert.equal([first.exchangeName, first.routingKey, first.mandatory, first.immediate], ['e', 'key', false, false]);
  assert.is(find(fields('e', 'key', 0), 1), first);
  for (const other of [fields('ek', 'ey', 0), fields('e', 'kéy', 0), fields('e', 'key', 1)]) {
    assert.is.not(find(other, 1), first);
  }
  assert.is(find(fields('e', 'key', 1), 1).mandatory, true);
  assert.is(find(fields('e', 'kéy', 0), 1).routingKey, 'kéy');
  assert.is.not(find(fields('e', 'key', 0), 2), first);
});

test('forgets routes when there are too many', () => {
  const destinations = new Destinations();
  const find = (key: string) => {
    const bytes = fields('', key, 0);
    return destinations.find(bytes, 0, bytes.length, 1);
  };
  const first = find('first');
  for (let index = 0; index < 5000; index++) find(`key ${index}`);
  assert.is.not(find('first'), first);
});

function fields(exchange: string, routingKey: string, bits: number): Buffer {
  const writer = new Writer();
  writer.short(0);
  writer.shortstr(exchange);
  writer.shortstr(routingKey);
  writer.octet(bits);
  return writer.buffer.subarray(0, writer.length);
}

test.run();
