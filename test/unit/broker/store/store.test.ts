import { copyFileSync, mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { neverReturned } from '../../../../src/broker/store/record.ts';
import { until } from '../../../support/until.ts';
import { bytesOf, committed, enqueue, open, recoveredIn, segments, shown, withFolder } from './folder.ts';

test('a new store is empty', () =>
  withFolder(async (folder) => {
    assert.equal(await recoveredIn(join(folder, 'deep', 'new')), { definitions: [], entries: [] });
    assert.is(statSync(join(folder, 'deep', 'new')).mode & 0o777, 0o700);
  }));

test('recovers everything at the next start', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    const value = { durable: true, arguments: { 'x-max-length': 3, ключ: ['é', null] } };
    store.define({ kind: 'queue', key: '/ work', value });
    const message = { exchange: 'ä', routingKey: 'k'.repeat(255), content: Buffer.of(0, 255, 10), propertiesLength: 2 };
    const id = store.enqueue(message, [
      { queue: '/ work', expiresAt: 1_700_000_000_123 },
      { queue: '/ other', expiresAt: undefined },
    ]);
    store.returned(id, '/ work', { deliveryCount: 7, acquiredCount: 9 });
    await store.close();
    const { definitions, entries } = await recoveredIn(folder);
    assert.equal(definitions, [{ kind: 'queue', key: '/ work', value }]);
    assert.equal(entries, [
      {
        message: { id, ...message },
        queue: '/ work',
        returns: { deliveryCount: 7, acquiredCount: 9, order: 1 },
        expiresAt: 1_700_000_000_123,
      },
      { message: { id, ...message }, queue: '/ other', returns: neverReturned, expiresAt: undefined },
    ]);
    assert.is(entries[0]?.message, entries[1]?.message);
    assert.is(statSync(segments(folder)[0] ?? '').mode & 0o777, 0o600);
  }));

test('recovers the slices of a large body as one body', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    const more = [70_000, 1, 8192].map((length, at) => Buffer.alloc(length, at + 1));
    for (const first of [2, 5000]) {
      const message = { exchange: '', routingKey: 'k', content: Buffer.alloc(first), more, propertiesLength: 2 };
      store.enqueue(message, [{ queue: 'q', expiresAt: undefined }]);
    }
    await store.close();
    const { entries } = await recoveredIn(folder);
    for (const [index, first] of [2, 5000].entries())
      assert.ok(entries[index]?.message.content.equals(Buffer.concat([Buffer.alloc(first), ...more])));
  }));

test('a message settled in one queue stays in the other', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    const first = enqueue(store, 'first', 'a', 'b');
    enqueue(store, 'second', 'b', 'a');
    store.settle(first, 'a');
    store.settle(first, 'nowhere');
    await store.close();
    assert.equal(shown(await recoveredIn(folder)), ['b: first', 'b: second', 'a: second']);
  }));

test('does not recover settled messages and dropped queues', () =>
  withFolder(async (folder) => {
    let store = await open(folder);
    const ids = Array.from({ length: 1000 }, (_, index) => enqueue(store, `${index}`, 'a', 'b'));
    await committed(store);
    for (const id of ids) if (id !== ids[500]) store.settle(id, 'a');
    store.drop('b');
    enqueue(store, 'later', 'b');
    await store.close();
    assert.equal(shown(await recoveredIn(folder)), ['a: 500', 'b: later']);
    store = await open(folder);
    store.drop('a');
    await store.close();
    assert.equal(shown(await recoveredIn(folder)), ['b: later']);
  }));

test('recovers definitions in the order in which they were first defined', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    for (const key of ['a', 'b', 'c', 'd']) store.define({ kind: 'vhost', key, value: 1 });
    store.define({ kind: 'user', key: 'a', value: 1 });
    store.define({ kind: 'vhost', key: 'a', value: 2 });
    store.undefine('vhost', 'b');
    store.define({ kind: 'vhost', key: 'b', value: 3 });
    store.undefine('vhost', 'c');
    store.undefine('vhost', 'never');
    await store.close();
    const { definitions } = await recoveredIn(folder);
    const shown = definitions.map(({ kind, key, value }) => `${kind} ${key} ${value}`);
    assert.equal(shown, ['vhost a 2', 'vhost d 1', 'user a 1', 'vhost b 3']);
  }));

test('a committed message is in the file before the callback', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    try {
      for (let count = 1; count <= 20; count++) {
        enqueue(store, `${count}`, 'a');
        await committed(store);
        // The copy contains the files that a killed process would leave.
        const copy = join(folder, `copy-${count}`);
        mkdirSync(copy);
        for (const path of segments(folder)) copyFileSync(path, join(copy, basename(path)));
        assert.is((await recoveredIn(copy)).entries.length, count);
      }
    } finally {
      await store.close();
    }
  }));

test('commits call back in order, and never within the call', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    const order: number[] = [];
    for (let count = 0; count < 5; count++) {
      enqueue(store, 'x', 'a');
      store.committed(() => order.push(count));
    }
    assert.equal(order, []);
    await committed(store);
    assert.equal(order, [0, 1, 2, 3, 4]);
    assert.is(store.pendingBytes, 0);
    await committed(store);
    await store.close();
    await store.close();
  }));

test('writes a settlement without a pending commit', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    const id = enqueue(store, 'x', 'a');
    const length = () => bytesOf(segments(folder)[0]).length;
    const before = await new Promise<number>((done) => {
      store.committed(() => {
        store.settle(id, 'a');
        done(length());
      });
    });
    await until('the settlement is written', () => length() > before);
    await store.close();
    assert.equal(shown(await recoveredIn(folder)), []);
  }));

test('ids grow over restarts, even if the store is empty', () =>
  withFolder(async (folder) => {
    let last = 0;
    for (let opening = 0; opening < 5; opening++) {
      const store = await open(folder);
      const id = enqueue(store, 'x', 'a');
      assert.ok(id > last, `${id} after ${last}`);
      last = id;
      store.settle(id, 'a');
      await store.close();
    }
  }));

test('recovers contents of any size, even larger than a segment', () =>
  withFolder(async (folder) => {
    const sizes = [0, 1, 4095, 65_535, 65_536, 65_537, 300_000, 3_000_000];
    const contents = sizes.map((size) => Buffer.alloc(size, `${size}.`));
    const store = await open(folder, { segmentBytes: 1000 });
    for (const content of contents) enqueue(store, content, 'a');
    await store.close();
    assert.ok(segments(folder).length > 3);
    const { entries } = await recoveredIn(folder);
    assert.ok(entries.every(({ message }, index) => message.content.equals(contents[index] as Buffer)));
    assert.is(entries.length, sizes.length);
  }));

test.run();
