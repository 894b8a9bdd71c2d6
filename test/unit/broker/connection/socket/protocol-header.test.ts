import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ProtocolHeaderReader, protocolHeader } from '../../../../../src/broker/connection/socket/protocol-header.ts';

test('accepts the headers of AMQP 0-9-1 and 0-9, and returns the rest', () => {
  for (const header of [protocolHeader, Buffer.from('AMQP\x01\x01\0\x09', 'latin1')]) {
    assert.equal(new ProtocolHeaderReader().push(Buffer.concat([header, Buffer.from('rest')])), Buffer.from('rest'));
  }
});

test('accepts a header that arrives byte by byte', () => {
  const reader = new ProtocolHeaderReader();
  const results = Array.from(protocolHeader, (byte) => reader.push(Buffer.from([byte])));
  assert.equal(results.slice(0, -1), new Array(7).fill('incomplete'));
  assert.equal(results.at(-1), Buffer.alloc(0));
});

test('refuses an unknown header at its first wrong byte', () => {
  for (const header of ['GET', 'AMQP\0\x01', 'AMQP\0\0\x09\x02']) {
    assert.is(new ProtocolHeaderReader().push(Buffer.from(header, 'latin1')), 'unknown');
  }
});

test.run();
