// Requests of a client that cause much work in the broker. Each request is prepared with a size, and sent later.

import { once } from 'node:events';
import * as assert from 'uvu/assert';
import type { BasicProperties } from '../../src/broker/codec/properties.ts';
import { method, publish } from './frames.ts';
import { Peer } from './peer.ts';

export interface BrokerPorts {
  readonly port: number;
  api(method: string, path: string, body?: object): Promise<string>;
  /** Advances the broker's clock. */
  advance(milliseconds: number): Promise<void>;
}

interface ExpensiveRequest {
  readonly title: string;
  /** The request must have more steps than one turn may have, so that the test fails if one turn does all of it. */
  readonly size: number;
  /** True if the request requires a broker with a store. Defaults to false. */
  readonly isStored?: boolean;
  /**
   * Maximum number of steps of a turn. The default is in turns.test.ts. It is higher for work that is done in one piece, because
   * another limit bounds it: the size of a frame with CC keys, and the bytes that wait for a client.
   */
  readonly limit?: number;
  /** Prepares the request. Returns a function that sends it and waits until it is handled. */
  readonly prepare: (broker: BrokerPorts, size: number) => Promise<() => Promise<void>>;
}

export const expensiveRequests: readonly ExpensiveRequest[] = [
  {
    title: 'a message with many CC keys of many words, for many patterns',
    size: 500,
    limit: 800_000,
    prepare: async ({ port }, size) => {
      const peer = await Peer.open(port, { frameMax: 131_072 });
      peer.send(method(1, 'queue.declare', { queue: 'q', exclusive: true }));
      for (let index = 0; index < 200; index++) {
        const routingKey = `${'#.*.'.repeat(index % 50)}${index}.#`;
        peer.send(method(1, 'queue.bind', { queue: 'q', exchange: 'amq.topic', routingKey }));
      }
      await answered(peer);
      const CC = Array.from({ length: size }, (_, index) => `${'a.'.repeat(120)}${index}`);
      return async () => {
        peer.send(...publish(1, { exchange: 'amq.topic', routingKey: 'a' }, 'x', { headers: { CC } }));
        await peer.until('channel.close');
        await peer.close();
      };
    },
  },
  {
    title: 'publishes to a fanout exchange with many queues',
    size: 400,
    prepare: async ({ port }, size) => {
      const peer = await bound(port, size);
      return async () => {
        peer.send(Buffer.concat(Array.from({ length: 50 }, () => publish(1, { exchange: 'amq.fanout' }, '')).flat()));
        await answered(peer);
        await peer.close();
      };
    },
  },
  {
    title: 'the end of a connection with many exclusive queues',
    size: 5000,
    prepare: async ({ port }, size) => {
      const peer = await bound(port, size);
      return () => peer.close();
    },
  },
  {
    title: 'a consumer that disconnects with many unacknowledged messages',
    size: 100_000,
    prepare: async ({ port }, size) => {
      const [peer, consumer] = [await Peer.open(port), await Peer.open(port)];
      peer.send(method(1, 'queue.declare', { queue: 'q', durable: true }));
      await fill(peer, size);
      consumer.send(method(1, 'basic.consume', { queue: 'q' }));
      while ((await ready(consumer)) > 0);
      return async () => {
        consumer.socket.destroy();
        while ((await ready(peer)) < size);
        peer.send(method(1, 'queue.delete', { queue: 'q' }));
        await peer.until('queue.delete-ok');
        await peer.close();
      };
    },
  },
  {
    title: 'a name that a permission pattern matches in exponential time',
    size: 40,
    prepare: async ({ port, api }, size) => {
      await api('PUT', '/permissions/%2F/guest', { configure: '^(a+)+$|^bystander', write: '.*', read: '.*' });
      const peer = await Peer.open(port);
      return async () => {
        peer.send(method(1, 'queue.declare', { queue: `${'a'.repeat(size)}!` }));
        await peer.until('channel.close');
        await peer.close();
        await api('PUT', '/permissions/%2F/guest', { configure: '.*', write: '.*', read: '.*' });
      };
    },
  },
  ...(['queue.delete', 'queue.purge'] as const).map((name) => ({
    title: `${name} with many messages`,
    size: 40_000,
    prepare: async ({ port }: BrokerPorts, size: number) => {
      const peer = await Peer.open(port);
      peer.send(method(1, 'queue.declare', { queue: 'q', exclusive: true }));
      await fill(peer, size);
      return async () => {
        peer.send(method(1, name, { queue: 'q' }));
        await peer.until(`${name}-ok`);
        await peer.close();
      };
    },
  })),
  {
    title: 'the list of many queues in the management API',
    size: 4000,
    prepare: async ({ port, api }, size) => {
      const peer = await bound(port, size);
      return async () => {
        assert.is(JSON.parse(await api('GET', '/queues')).length, size + 1);
        await peer.close();
      };
    },
  },
  {
    title: 'the sample of the counters of many queues',
    size: 4000,
    prepare: async (broker, size) => {
      const peer = await bound(broker.port, size);
      return async () => {
        await broker.advance(5000);
        await answered(peer);
        await peer.close();
      };
    },
  },
  ...(['queue.unbind', 'queue.delete'] as const).map((name) => ({
    title: `${name} among many bindings`,
    size: 20_000,
    prepare: async ({ port }: BrokerPorts, size: number) => {
      const peer = await Peer.open(port);
      peer.send(method(1, 'queue.declare', { queue: 'q', exclusive: true }));
      for (let index = 0; index < size; index++) {
        peer.send(method(1, 'queue.bind', { queue: 'q', exchange: 'amq.topic', routingKey: `a.${index}` }));
        if (index % 1000 === 0) await answered(peer);
      }
      await answered(peer);
      return async () => {
        peer.send(method(1, name, { queue: 'q', exchange: 'amq.topic', routingKey: 'a.7' }));
        await peer.until(`${name}-ok`);
        await peer.close();
      };
    },
  })),
  {
    title: 'queue.delete with many messages on disk',
    size: 20_000,
    isStored: true,
    prepare: async ({ port }, size) => {
      const peer = await Peer.open(port);
      peer.send(method(1, 'queue.declare', { queue: 'q', durable: true }));
      await fill(peer, size, { deliveryMode: 2 });
      return async () => {
        peer.send(method(1, 'queue.delete', { queue: 'q' }));
        await peer.until('queue.delete-ok');
        await peer.close();
      };
    },
  },
  ...(['all', 'all but the newest'] as const).map((which) => ({
    title: `an acknowledgement of many messages, ${which}`,
    size: 50_000,
    prepare: async ({ port }: BrokerPorts, size: number) => {
      const peer = await consuming(port, size);
      return async () => {
        peer.send(method(1, 'basic.ack', { deliveryTag: which === 'all' ? size : size - 1, multiple: true }));
        await answered(peer);
        await peer.close();
      };
    },
  })),
  {
    title: 'many requeued messages',
    size: 50_000,
    prepare: async ({ port }, size) => {
      const peer = await consuming(port, size);
      return async () => {
        peer.send(method(1, 'basic.cancel', { consumerTag: 'c' }));
        peer.send(method(1, 'basic.nack', { deliveryTag: 0, multiple: true, requeue: true }));
        while ((await ready(peer)) < size);
        await peer.close();
      };
    },
  },
  {
    title: 'requeued messages among many others',
    size: 40_000,
    limit: 3_000_000,
    prepare: async ({ port }, size) => {
      const [peer, other] = [await consuming(port, size, { exclusive: false }), await Peer.open(port)];
      for (let tag = 2; tag < size; tag += 2) peer.send(method(1, 'basic.nack', { deliveryTag: tag, requeue: true }));
      await answered(peer);
      return async () => {
        peer.send(method(1, 'basic.nack', { deliveryTag: 0, multiple: true, requeue: true }));
        await answered(peer);
        peer.send(method(1, 'queue.delete', { queue: 'q' }));
        await peer.close();
        await other.close();
      };
    },
  },
  ...(['tx.commit', 'tx.rollback'] as const).map((name) => ({
    title: `${name} of many publishes and acknowledgements`,
    size: 20_000,
    prepare: async ({ port }: BrokerPorts, size: number) => {
      const peer = await consuming(port, size);
      peer.send(method(1, 'basic.cancel', { consumerTag: 'c' }), method(1, 'tx.select'));
      peer.send(Buffer.concat(Array.from({ length: size }, () => publish(1, { routingKey: 'q' })).flat()));
      peer.send(method(1, 'basic.ack', { deliveryTag: size - 1, multiple: true }));
      await answered(peer);
      return async () => {
        peer.send(method(1, name));
        await peer.until(`${name}-ok`);
        await peer.close();
      };
    },
  })),
  {
    title: 'tx.rollback of many single acknowledgements',
    size: 4000,
    prepare: async ({ port }, size) => {
      const peer = await consuming(port, size);
      peer.send(method(1, 'tx.select'));
      for (let deliveryTag = size; deliveryTag > 0; deliveryTag--) peer.send(method(1, 'basic.ack', { deliveryTag }));
      await answered(peer);
      return async () => {
        peer.send(method(1, 'tx.rollback'));
        await peer.until('tx.rollback-ok');
        await peer.close();
      };
    },
  },
  {
    title: 'the deletion of a virtual host with many queues and messages',
    size: 200,
    prepare: async ({ port, api }, size) => {
      await api('PUT', '/vhosts/full', {});
      const queues = manyQueues(size);
      const bindings = queues.map(({ name }) => ({
        ...{ source: 'amq.fanout', vhost: 'full', destination: name, destination_type: 'queue' },
        ...{ routing_key: '', arguments: {} },
      }));
      await api('POST', '/definitions/full', { queues, bindings });
      const peer = await Peer.open(port, { virtualHost: 'full' });
      for (let count = 0; count < 200; count++) peer.send(...publish(1, { exchange: 'amq.fanout' }));
      await answered(peer);
      await peer.close();
      return async () => void (await api('DELETE', '/vhosts/full'));
    },
  },
  {
    title: 'the deletion of a virtual host with many queues',
    size: 8000,
    prepare: async ({ api }, size) => {
      await api('PUT', '/vhosts/full', {});
      await api('POST', '/definitions/full', { queues: manyQueues(size) });
      return async () => void (await api('DELETE', '/vhosts/full'));
    },
  },
  {
    title: 'an import of many definitions',
    size: 2000,
    prepare: async ({ api }, size) => {
      await api('PUT', '/vhosts/full', {});
      return async () => {
        await api('POST', '/definitions/full', { queues: manyQueues(size) });
        await api('DELETE', '/vhosts/full');
      };
    },
  },
];

/** Returns a peer with `size` exclusive queues that are bound to amq.fanout. */
async function bound(port: number, size: number): Promise<Peer> {
  const peer = await Peer.open(port);
  for (let index = 0; index < size; index++) {
    peer.send(method(1, 'queue.declare', { queue: `x${index}`, exclusive: true }));
    peer.send(method(1, 'queue.bind', { queue: `x${index}`, exchange: 'amq.fanout' }));
    if (index % 1000 === 0) await answered(peer);
  }
  await answered(peer);
  return peer;
}

async function fill(peer: Peer, size: number, properties: BasicProperties = {}): Promise<void> {
  const one = publish(1, { routingKey: 'q' }, 'x', properties);
  const thousand = Buffer.concat(Array.from({ length: 1000 }, () => one).flat());
  for (let left = size; left > 0; left -= 1000) {
    if (!peer.socket.write(thousand)) await once(peer.socket, 'drain');
  }
  while ((await ready(peer)) < size);
}

async function ready(peer: Peer): Promise<number> {
  peer.send(method(1, 'queue.declare', { queue: 'q', passive: true }));
  return (await peer.until('queue.declare-ok')).messageCount;
}

/** Waits until the broker has handled everything that the peer sent. */
async function answered(peer: Peer): Promise<void> {
  peer.send(method(1, 'basic.qos'));
  await peer.until('basic.qos-ok');
}

/** Returns a peer with `size` unacknowledged messages of its queue. */
async function consuming(port: number, size: number, { exclusive = true } = {}): Promise<Peer> {
  const peer = await Peer.open(port);
  peer.send(method(1, 'queue.declare', { queue: 'q', exclusive }));
  await fill(peer, size);
  peer.send(method(1, 'basic.consume', { queue: 'q', consumerTag: 'c' }));
  while ((await ready(peer)) > 0);
  return peer;
}

function manyQueues(size: number): { name: string }[] {
  return Array.from({ length: size }, (_, index) => ({ name: `q${index}`, durable: true, auto_delete: false }));
}
