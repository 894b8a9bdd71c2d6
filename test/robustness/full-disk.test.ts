// Fills the disk of a running broker, and checks that a client receives no success for a change that a restart undoes.

import { mkdtempSync, rmSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoreOptions } from '../../src/broker/store/contract.ts';
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
    const folder = mkdtempSync(join(tmpdir(), 'mq-full-disk-'));
    let isFull = false;
    const open: StoreOptions['open'] = async (path, flags, mode) => {
      const file = await openFile(path, flags, mode);
      return {
        close: () => file.close(),
        datasync: () => file.datasync(),
        writev: (parts, position) => {
          if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
          return file.writev(parts, position);
        },
      };
    };
    const start = () => openStore(folder, { pid: 4_000_000, isAlive: () => false, open });
    let before = '';
    try {
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
          isFull = true;
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
      isFull = false;
      await withBroker(async ({ vhosts }) => assert.is(contents(vhosts), before), { store: await start() });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

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
