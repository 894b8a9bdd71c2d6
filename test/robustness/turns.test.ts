// One client must not stop the others: whatever it asks for, no turn of the broker's event loop takes long, and the turns
// do not grow with what is asked for. A turn is measured in processor time, so other programs of the machine do not count.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { node } from '../support/node.ts';
import { Bystander } from './bystander.ts';
import { method, publish } from './frames.ts';
import { Peer } from './peer.ts';

const limitMs = 100;
const ratio = 3;
/** Turns shorter than this are not compared: garbage collection makes as much of a difference. */
const noiseMs = 20;

interface Place {
  readonly port: number;
  api(method: string, path: string, body?: object): Promise<string>;
}

interface Bomb {
  readonly title: string;
  readonly size: number;
  /** Prepares, and returns what goes off. */
  readonly prepare: (place: Place, size: number) => Promise<() => Promise<void>>;
}

const bombs: readonly Bomb[] = [
  {
    title: 'a message with many CC keys of many words, for many patterns',
    size: 250,
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
    title: 'publishes to a fanout of many queues',
    size: 1000,
    prepare: async ({ port }, size) => {
      const peer = await bound(port, size);
      return async () => {
        peer.send(Buffer.concat(Array.from({ length: 300 }, () => publish(1, { exchange: 'amq.fanout' }, '')).flat()));
        await answered(peer);
        await peer.close();
      };
    },
  },
  {
    title: 'the end of a connection with many exclusive queues on a fanout',
    size: 5000,
    prepare: async ({ port }, size) => {
      const peer = await bound(port, size);
      return () => peer.close();
    },
  },
  {
    title: 'a consumer that leaves with many unacknowledged messages',
    size: 30_000,
    prepare: async ({ port }, size) => {
      const [peer, consumer] = [await Peer.open(port), await Peer.open(port)];
      peer.send(method(1, 'queue.declare', { queue: 'q', exclusive: false, durable: true }));
      await fill(peer, size * 2);
      consumer.send(method(1, 'basic.consume', { queue: 'q' }));
      for (let count = 0; count < size * 2; count++) await consumer.until('basic.deliver');
      return async () => {
        consumer.socket.destroy();
        while ((await ready(peer)) < size * 2);
        peer.send(method(1, 'queue.delete', { queue: 'q' }));
        await peer.until('queue.delete-ok');
        await peer.close();
      };
    },
  },
  {
    title: 'a name that takes a permission pattern longer than the universe has existed',
    size: 100,
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
    size: 300_000,
    prepare: async ({ port }: Place, size: number) => {
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
    title: 'a list of many queues',
    size: 5000,
    prepare: async ({ port, api }, size) => {
      const peer = await bound(port, size);
      return async () => {
        assert.is(JSON.parse(await api('GET', '/queues')).length, size + 1);
        await peer.close();
      };
    },
  },
  ...(['queue.unbind', 'queue.delete'] as const).map((name) => ({
    title: `${name} among many bindings`,
    size: 50_000,
    prepare: async ({ port }: Place, size: number) => {
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
];

for (const { title, size, prepare } of bombs) {
  test(`${title} takes many turns of the event loop, none of them long`, () =>
    withTurns(async (place, measure) => {
      const turns: number[] = [];
      for (const times of [1, 2]) {
        const goOff = await prepare(place, size * times);
        const bystander = await Bystander.start(place.port);
        turns.push(await measure(goOff));
        await bystander.stop();
        assert.ok(bystander.rounds > 0);
      }
      const [once = 0, twice = 0] = turns;
      const said = `${once.toFixed(1)} ms, of twice the size ${twice.toFixed(1)} ms`;
      assert.ok(Math.max(once, twice) < limitMs, said);
      assert.ok(twice < ratio * Math.max(once, noiseMs), said);
    }));
}

async function withTurns(
  run: (place: Place, measure: (work: () => Promise<void>) => Promise<number>) => Promise<void>,
): Promise<void> {
  const program = join(import.meta.dirname, 'turn-broker.ts');
  const child = spawn(node, [program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  try {
    const [{ port, managementPort }] = await once(child, 'message');
    const ask = async (word: string): Promise<number> => {
      const answer = once(child, 'message');
      child.send(word);
      return (await answer)[0].longest;
    };
    const api: Place['api'] = async (verb, path, body) => {
      const headers = { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' };
      const request = { method: verb, headers, ...(body && { body: JSON.stringify(body) }) };
      return (await fetch(`http://127.0.0.1:${managementPort}/api${path}`, request)).text();
    };
    await run({ port, api }, async (work) => {
      await ask('start');
      await work();
      return ask('stop');
    });
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

/** A peer with so many exclusive queues bound to amq.fanout. */
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

async function fill(peer: Peer, size: number): Promise<void> {
  const thousand = Buffer.concat(Array.from({ length: 1000 }, () => publish(1, { routingKey: 'q' })).flat());
  for (let left = size; left > 0; left -= 1000) {
    if (!peer.socket.write(thousand)) await once(peer.socket, 'drain');
  }
  while ((await ready(peer)) < size);
}

async function ready(peer: Peer): Promise<number> {
  peer.send(method(1, 'queue.declare', { queue: 'q', passive: true }));
  return (await peer.until('queue.declare-ok')).messageCount;
}

/** Resolves when everything that the peer has sent is answered. */
async function answered(peer: Peer): Promise<void> {
  peer.send(method(1, 'basic.qos'));
  await peer.until('basic.qos-ok');
}

test.run();
