// Fills the disk of a running broker, and checks that a client receives no success for a change that a restart undoes.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store } from '../../src/broker/store/contract.ts';
import { type Disk, systemDisk } from '../../src/broker/store/disk.ts';
import { openStore } from '../../src/broker/store.ts';
import { method, nameOf, publish } from './frames.ts';
import { Peer } from './peer.ts';
import { withBroker } from './running.ts';

const changes: Readonly<Record<string, Buffer>> = {
  'queue.declare': method(1, 'queue.declare', { queue: 'new', durable: true }),
  'queue.delete': method(1, 'queue.delete', { queue: 'q' }),
  'queue.purge': method(1, 'queue.purge', { queue: 'q' }),
  'queue.bind': method(1, 'queue.bind', { queue: 'q', exchange: 'amq.fanout' }),
  'queue.unbind': method(1, 'queue.unbind', { queue: 'q', exchange: 'amq.direct', routingKey: 'k' }),
  'exchange.declare': method(1, 'exchange.declare', { exchange: 'new', type: 'fanout', durable: true }),
  'exchange.delete': method(1, 'exchange.delete', { exchange: 'e' }),
  'exchange.bind': method(1, 'exchange.bind', { source: 'amq.fanout', destination: 'e' }),
};

for (const [name, change] of Object.entries(changes)) {
  test(`${name} is refused with 541 on a full disk, and is undone after a restart`, async () => {
    await withFullDisk(async ({ fill, start }) => {
      let before = '';
      await withBroker(
        async ({ port, vhosts }) => {
          const peer = await Peer.open(port);
          peer.send(
            method(1, 'queue.declare', { queue: 'q', durable: true }),
            method(1, 'exchange.declare', { exchange: 'e', type: 'fanout', durable: true }),
            method(1, 'queue.bind', { queue: 'q', exchange: 'amq.direct', routingKey: 'k' }),
            method(1, 'confirm.select'),
            ...publish(1, { routingKey: 'q' }, 'kept', { deliveryMode: 2 }),
          );
          await peer.until('basic.ack');
          before = contents(vhosts);
          const second = await Peer.open(port);
          fill(true);
          // The earlier request of the connection is answered, because it succeeded.
          peer.send(method(1, 'basic.qos'), change);
          assert.equal(await answers(peer), ['basic.qos-ok', 'connection.close']);
          second.send(change);
          assert.equal(await answers(second), ['connection.close']);
          peer.socket.destroy();
          second.socket.destroy();
        },
        { store: await start() },
      );
      fill(false);
      await withBroker(async ({ vhosts }) => assert.is(contents(vhosts), before), { store: await start() });
    });
  });
}

/** Runs with the functions that open a store, and that fill its disk or free it. */
async function withFullDisk(
  run: (disk: { fill: (isFull: boolean) => void; start: () => Promise<Store> }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-full-disk-'));
  let isFull = false;
  const openLog: Disk['openLog'] = async (path, flags, mode) => {
    const file = await systemDisk.openLog(path, flags, mode);
    return {
      close: () => file.close(),
      datasync: () => file.datasync(),
      writev: (parts, position) => {
        if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        return file.writev(parts, position);
      },
    };
  };
  const disk = { ...systemDisk, openLog };
  const fill = (full: boolean) => {
    isFull = full;
  };
  try {
    await run({ fill, start: () => openStore(folder, { pid: 4_000_000, isAlive: () => false, disk }) });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a publish to a stream is refused with 541 on a full disk, and is undone', async () => {
  await withFullDisk(async ({ fill, start }) => {
    const stream = { queue: 's', durable: true, arguments: { 'x-queue-type': 'stream' } };
    await withBroker(
      async ({ port, vhosts }) => {
        const peer = await Peer.open(port);
        peer.send(method(1, 'queue.declare', stream), method(1, 'confirm.select'));
        peer.send(...publish(1, { routingKey: 's' }, 'kept'));
        await peer.until('basic.ack');
        fill(true);
        peer.send(...publish(1, { routingKey: 's' }, 'lost'));
        assert.equal(await answers(peer), ['connection.close']);
        assert.is(contents(vhosts).split(',')[0], 's 1');
        peer.socket.destroy();
      },
      { store: await start() },
    );
    fill(false);
    await withBroker(async ({ vhosts }) => assert.is(contents(vhosts).split(',')[0], 's 1'), { store: await start() });
  });
});

/** Returns the names of the methods that arrive until connection.close. */
async function answers(peer: Peer): Promise<(string | undefined)[]> {
  const names: (string | undefined)[] = [];
  while (names.at(-1) !== 'connection.close') {
    const found = await peer.next();
    if (found === undefined) break;
    names.push(nameOf(found));
  }
  return names;
}

function contents(vhosts: Parameters<Parameters<typeof withBroker>[0]>[0]['vhosts']): string {
  const { queues, exchanges } = vhosts.get('/') ?? { queues: new Map(), exchanges: new Map() };
  const lengths = [...queues.values()].map(({ name, readyCount }) => `${name} ${readyCount}`);
  return [...lengths, ...[...exchanges.values()].map(({ name, bindings }) => `${name} ${bindings.size}`)].join(', ');
}

test.run();
