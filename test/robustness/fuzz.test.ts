// Sends mutated frames over sockets and to the codec. The broker must close only the connection of the mutation, serve other
// clients, and free the resources of the connection.
//   MQ_FUZZ_COUNT=100000   number of mutations, a fifth of them over sockets
//   MQ_FUZZ_SEED           selects the mutations

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../src/broker/codec/arguments.ts';
import { FrameParser } from '../../src/broker/codec/frames.ts';
import { decodeMethod, encodeMethod } from '../../src/broker/codec/methods.ts';
import {
  changeProperties,
  decodeProperties,
  encodeProperties,
  scanProperties,
} from '../../src/broker/codec/properties.ts';
import { decodeTable, encodeTable } from '../../src/broker/codec/table.ts';
import { ProtocolError, replyCodes } from '../../src/broker/protocol-error.ts';
import { type Broker, startBroker } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';
import { countOf, type Random, randomOf, seedOf } from '../support/random.ts';
import { Bystander } from './bystander.ts';
import { conversations } from './conversations.ts';
import { closeOf, greeting, header, method, nameOf } from './frames.ts';
import { mutated, mutatedBytes } from './mutation.ts';
import { Peer } from './peer.ts';

const seed = seedOf('MQ_FUZZ_SEED');
const count = countOf('MQ_FUZZ_COUNT', 100_000);
const replay = `MQ_FUZZ_SEED=${seed}`;
const frameMax = 8192;
const perConnection = 12;
const parallelConnections = 8;

test(`${Math.ceil(count * 0.8)} mutations are decoded or cause a protocol error (${replay})`, () => {
  const random = randomOf(seed);
  for (let number = 0; number < count * 0.8; number++) {
    const frames = random.pick(conversations)(1 + random.below(3));
    const bytes = Buffer.concat(
      random.chance(0.8) ? mutated(frames, random) : [mutatedBytes(Buffer.concat(frames), random)],
    );
    try {
      read(bytes, random);
    } catch (error) {
      if (error instanceof ProtocolError) continue;
      throw new Error(
        `${replay}, number ${number}: ${bytes.toString('hex')}: ${error instanceof Error ? error.stack : error}`,
        { cause: error },
      );
    }
  }
});

/** Parses and decodes bytes as the broker does before it handles methods. */
function read(bytes: Buffer, random: Random): void {
  const parser = new FrameParser(frameMax, (type, _channel, buffer, start, end) => {
    if (type === 1) {
      const { name, fields } = decodeMethod(buffer, start, end);
      const values = Object.entries(fields).map(([key, value]) => {
        return [key, value instanceof Arguments ? decodeTable(encodeTable(value.values)) : value];
      });
      const again = encodeMethod(name, Object.fromEntries(values));
      assert.equal(encodeMethod(name, Object.fromEntries(values)), again);
    } else if (type === 2 && end - start >= 14) {
      scanProperties(buffer, start + 12, end);
      const copy = Buffer.from(buffer.subarray(start + 12, end));
      const changed = changeProperties(copy, copy.length, {
        expiration: undefined,
        headers: { 'x-death': [{ a: 1 }] },
      });
      scanProperties(changed, 0, changed.length);
      // Encoding a decoded value and decoding it again does not change it.
      const decoded = decodeProperties(changed);
      if (Object.values(decoded).some((value) => typeof value === 'string' && value.includes('\u{FFFD}'))) return;
      const encoded = encodeProperties(decoded);
      assert.ok(encodeProperties(decodeProperties(encoded)).equals(encoded));
    }
  });
  const cut = random.below(bytes.length + 1);
  parser.push(bytes.subarray(0, cut));
  parser.push(bytes.subarray(cut));
}

test(`${Math.floor(count / 5)} mutations over sockets do not affect other clients (${replay})`, async () => {
  const random = randomOf(seed + 1);
  const folder = mkdtempSync(join(tmpdir(), 'mq-fuzz-'));
  const failures: string[] = [];
  const open = () => openStore(folder, { pid: process.pid, isAlive: () => false });
  const start = async () =>
    startBroker({
      store: await open(),
      frameMax,
      log: (line) => void (/\n|INTERNAL/.test(line) && failures.push(line)),
    });
  const uncaught = (error: unknown) => failures.push(`uncaught: ${error instanceof Error ? error.stack : error}`);
  process.on('uncaughtException', uncaught);
  let broker = await start();
  const totals = { mutations: 0, connections: 0, closes: 0 };
  const before = memory();
  const resources = process.getActiveResourcesInfo().length;
  try {
    // The broker restarts with its data after half of the mutations.
    for (const part of [1, 2]) {
      const bystander = await Bystander.start(broker.port);
      const observer = await observe(broker.port);
      const worker = async () => {
        while (totals.mutations < (count / 10) * part && failures.length === 0) {
          const result = await converse(broker.port, random);
          totals.mutations += result.opened;
          totals.connections++;
          if (result.close !== undefined) totals.closes++;
          if (totals.connections % 200 === 0) clear(broker);
        }
      };
      await Promise.all(Array.from({ length: parallelConnections }, worker));
      await bystander.stop();
      assert.ok(bystander.rounds > 10, `the bystander completed only ${bystander.rounds} rounds`);
      assert.is(observer.failure, undefined);
      assert.not(observer.isClosed);
      await observer.close();
      await turns(() => broker.connections.size === 0);
      if (part === 2) clear(broker);
      // The messages of deleted queues are released in slices.
      for (const { slices } of broker.vhosts.values()) await slices.idle();
      if (part === 2) assert.is(broker.memory.usedBytes, 0);
      await broker.close();
      assert.equal(failures, []);
      broker = await start();
    }
  } finally {
    await broker.close();
    process.off('uncaughtException', uncaught);
    rmSync(folder, { recursive: true });
  }
  assert.equal(failures, []);
  await turns(() => process.getActiveResourcesInfo().length <= resources);
  const growth = memory() - before;
  console.log(`  ${JSON.stringify({ seed, ...totals, growthBytes: growth })}`);
  assert.ok(growth < 32 * 1024 * 1024, `the heap grew by ${growth} bytes`);
});

/** Opens one connection with a mutated conversation on each channel, followed by a close that the broker always parses. */
async function converse(port: number, random: Random): Promise<{ opened: number; close: string | undefined }> {
  const handshake = [header, ...greeting({ frameMax, capabilities: { consumer_cancel_notify: true } })];
  const isHandshakeMutated = random.chance(0.05);
  const sent: Buffer[] = isHandshakeMutated ? mutated(handshake, random) : handshake;
  for (let channel = 1; channel <= perConnection; channel++) {
    sent.push(method(channel, 'channel.open'), ...mutated(random.pick(conversations)(channel), random));
  }
  sent.push(method(0, 'connection.close'));
  // These zeros complete any frame with a wrong length, and the broker then detects that the frame-end octet is wrong.
  sent.push(Buffer.alloc(2 * frameMax));
  const peer = await Peer.connect(port);
  peer.send(...sent);
  let opened = isHandshakeMutated ? 1 : 0;
  let close: string | undefined;
  const fail = (why: string) => {
    throw new Error(`${replay}: ${why} after ${Buffer.concat(sent.slice(0, -1)).toString('hex')}`);
  };
  try {
    for (let found = await peer.next(); found !== undefined; found = await peer.next()) {
      const name = nameOf(found);
      if (found.type === 1 && name === undefined) fail(`an unknown method: ${found.payload.toString('hex')}`);
      if (close !== undefined) fail(`${name ?? `frame ${found.type}`} after connection.close`);
      if (name === 'channel.open-ok') opened++;
      if (name === 'channel.close' || name === 'connection.close') {
        const { code, text } = closeOf(found);
        const known = Object.entries(replyCodes).find(([, value]) => value === code)?.[0];
        if (known === undefined || !text.startsWith(`${known} - `)) fail(`${name} ${code} '${text}'`);
        if (known === 'INTERNAL_ERROR') fail(text);
      }
      if (name === 'connection.close') {
        close = closeOf(found).text;
        peer.send(method(0, 'connection.close-ok'));
        peer.socket.end();
      }
    }
  } catch (error) {
    // The broker answers a wrong protocol header with the correct one, which is not a frame.
    if (!(isHandshakeMutated && peer.bytesReceived === header.length)) throw error;
  }
  peer.socket.destroy();
  return { opened, close };
}

/** Receives every message that the fuzzer publishes to amq.fanout and amq.topic. Sets `failure` if a message is invalid. */
async function observe(port: number): Promise<Peer> {
  const peer = await Peer.open(port);
  peer.send(
    method(1, 'queue.declare', { queue: 'observer-7c0fbd1e', exclusive: true }),
    method(1, 'queue.bind', { queue: 'observer-7c0fbd1e', exchange: 'amq.fanout' }),
    method(1, 'queue.bind', { queue: 'observer-7c0fbd1e', exchange: 'amq.topic', routingKey: '#' }),
    method(1, 'basic.consume', { queue: 'observer-7c0fbd1e', noAck: true }),
  );
  await peer.until('basic.consume-ok');
  peer.socket.on('data', () => {
    for (const found of peer.frames.splice(0)) {
      try {
        if (nameOf(found) === 'connection.close-ok') peer.frames.push(found);
        else if (found.type === 1)
          assert.is(decodeMethod(found.payload, 0, found.payload.length).name, 'basic.deliver');
        if (found.type === 2) decodeProperties(found.payload, 12);
      } catch (error) {
        peer.failure ??= error;
      }
    }
  });
  return peer;
}

/** Deletes the queues and exchanges that the fuzzer declared, so that they do not accumulate. */
function clear({ vhosts }: Broker): void {
  for (const vhost of vhosts.values()) {
    for (const queue of [...vhost.queues.values()]) if (queue.owner === undefined) vhost.removeQueue(queue);
    for (const { name } of [...vhost.exchanges.values()]) if (!/^(amq\..*)?$/.test(name)) vhost.deleteExchange(name);
  }
}

async function turns(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((turned) => setImmediate(turned));
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function memory(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test.run();
