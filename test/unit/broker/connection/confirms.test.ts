import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Confirms } from '../../../../src/broker/connection/confirms.ts';
import type { Store } from '../../../../src/broker/store/contract.ts';

test('a run of tags is one ack with multiple, a single one is without', () => {
  const { confirms, sent, flush } = place();
  confirms.done(1);
  flush();
  for (const tag of [2, 3, 4]) confirms.done(tag);
  flush();
  flush();
  assert.equal(sent, ['ack 1', 'ack 4 multiple']);
});

test('what waits for the disk is not covered by a later ack', () => {
  const { confirms, sent, flush, sync } = place();
  confirms.done(1);
  confirms.stored(2);
  confirms.done(3);
  confirms.done(4);
  flush();
  assert.equal(sent, ['ack 1', 'ack 3', 'ack 4']);
  sync();
  flush();
  assert.equal(sent.slice(3), ['ack 2']);
});

test('what was written in one turn is acknowledged together', () => {
  const { confirms, sent, flush, sync } = place();
  for (const tag of [1, 2, 3]) confirms.stored(tag);
  flush();
  for (const tag of [4, 5]) confirms.stored(tag);
  flush();
  sync();
  flush();
  assert.equal(sent, ['ack 3 multiple']);
  sync();
  flush();
  assert.equal(sent, ['ack 3 multiple', 'ack 5 multiple']);
});

test('a refused tag is told before an ack that would cover it', () => {
  const { confirms, sent, flush } = place();
  confirms.done(1);
  confirms.refused(2);
  confirms.done(3);
  flush();
  assert.equal(sent, ['nack 2', 'ack 3 multiple']);
});

test('when the store fails nothing is confirmed', () => {
  const { confirms, sent, flush, sync } = place();
  confirms.stored(1);
  flush();
  sync(new Error('disk full'));
  flush();
  assert.equal(sent, ['failed disk full']);
});

function place() {
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
