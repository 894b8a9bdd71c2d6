import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Confirms } from '../../../../src/broker/connection/confirms.ts';
import type { Store } from '../../../../src/broker/store/contract.ts';

test('acknowledges consecutive tags with one ack', () => {
  const { confirms, sent, flush } = newConfirms();
  confirms.done(1);
  flush();
  for (const tag of [2, 3, 4]) confirms.done(tag);
  flush();
  flush();
  assert.equal(sent, ['ack 1', 'ack 4 multiple']);
});

test('a later ack does not cover a tag that waits for the disk', () => {
  const { confirms, sent, flush, sync } = newConfirms();
  confirms.done(1);
  confirms.awaitStore(2);
  confirms.done(3);
  confirms.done(4);
  flush();
  assert.equal(sent, ['ack 1', 'ack 3', 'ack 4']);
  sync();
  flush();
  assert.equal(sent.slice(3), ['ack 2']);
});

test('acknowledges the messages of one tick together', () => {
  const { confirms, sent, flush, sync } = newConfirms();
  for (const tag of [1, 2, 3]) confirms.awaitStore(tag);
  flush();
  for (const tag of [4, 5]) confirms.awaitStore(tag);
  flush();
  sync();
  flush();
  assert.equal(sent, ['ack 3 multiple']);
  sync();
  flush();
  assert.equal(sent, ['ack 3 multiple', 'ack 5 multiple']);
});

test('acknowledges together what reached the disk and what did not have to', () => {
  const { confirms, sent, flush, sync } = newConfirms();
  confirms.awaitStore(1);
  confirms.awaitStore(2);
  flush();
  confirms.done(3);
  sync();
  flush();
  assert.equal(sent, ['ack 3 multiple']);
});

test('sends a nack before an ack that would cover its tag', () => {
  const { confirms, sent, flush } = newConfirms();
  confirms.done(1);
  confirms.refused(2);
  confirms.done(3);
  flush();
  assert.equal(sent, ['nack 2', 'ack 3 multiple']);
});

test('confirms nothing after the store has failed', () => {
  const { confirms, sent, flush, sync } = newConfirms();
  confirms.awaitStore(1);
  flush();
  sync(new Error('disk full'));
  flush();
  assert.equal(sent, ['failed disk full']);
});

test('an ack does not cover a tag whose confirm is late', () => {
  const { confirms, sent, flush } = newConfirms();
  confirms.hold(2);
  for (const tag of [1, 2, 3]) confirms.done(tag);
  flush();
  assert.equal(sent, ['ack 1', 'ack 3']);
  assert.is(confirms.outstanding, 1);
  confirms.release(2);
  flush();
  assert.equal(sent.slice(2), ['ack 2']);
});

test('a late nack is sent when it is released', () => {
  const { confirms, sent, flush } = newConfirms();
  confirms.hold(1);
  confirms.refused(1);
  confirms.done(2);
  flush();
  confirms.release(1);
  flush();
  assert.equal(sent, ['ack 2', 'nack 1']);
});

test('a late confirm waits for the disk, too', () => {
  const { confirms, sent, flush, sync } = newConfirms();
  confirms.hold(1);
  confirms.awaitStore(1);
  confirms.done(2);
  flush();
  sync();
  confirms.awaitStore(3);
  flush();
  assert.equal(sent, ['ack 2']);
  confirms.release(1);
  flush();
  assert.equal(sent, ['ack 2', 'ack 1']);
});

function newConfirms() {
  const sent: string[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const store = { committed: (done: (error?: Error) => void) => void waiting.push(done) } as unknown as Store;
  const confirms = new Confirms(
    {
      ack: (tag, multiple) => void sent.push(`ack ${tag}${multiple ? ' multiple' : ''}`),
      nack: (tag) => void sent.push(`nack ${tag}`),
      confirmed: () => undefined,
      failed: ({ message }) => void sent.push(`failed ${message}`),
    },
    store,
  );
  const flush = () => confirms.flush(() => {});
  const sync = (error?: Error) => waiting.shift()?.(error);
  return { confirms, sent, flush, sync };
}

test.run();
