// Kills a broker under load repeatedly, with the same folder. After each kill, the store must open, every confirmed message
// and definition must exist, and there must be no message that was never sent.
//   MQ_CRASH_CYCLES=60      number of kills (200 in a long run)
//   MQ_CRASH_SEED           selects the moments of the kills
//   MQ_EXECUTABLE=dist/mq   tests the broker of the executable

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeProperties } from '../../src/broker/codec/properties.ts';
import { segmentHeaderLength } from '../../src/broker/store/segment.ts';
import { openStore } from '../../src/broker/store.ts';
import { node } from '../support/node.ts';
import { countOf, randomOf, seedOf } from '../support/random.ts';
import { Ledger } from './crash-ledger.ts';
import { load } from './crash-load.ts';
import { method } from './frames.ts';
import { Peer } from './peer.ts';

const cycles = countOf('MQ_CRASH_CYCLES', 60);
const seed = seedOf('MQ_CRASH_SEED');
const random = randomOf(seed);

test(`${cycles} kills lose no confirmed message or definition (MQ_CRASH_SEED=${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-crash-'));
  const ledger = new Ledger();
  const defined = new Set<string>(['q0', 'q1', 'q2', 'q3']);
  let torn = 0;
  let broker: { child: ChildProcess; port: number } | undefined;
  try {
    for (let cycle = 0; cycle <= cycles; cycle++) {
      broker = await start(folder);
      await check(broker.port, { ledger, defined, isFirst: cycle === 0 });
      if (cycle < cycles) {
        // The kill follows after a random number of confirms and event loop turns, between two writes or during a write.
        const running = load(broker.port, { ledger, defined, cycle, random });
        await running.confirmed(random.below(120));
        for (let turns = random.below(30); turns > 0; turns--) await new Promise((turned) => setImmediate(turned));
        await kill(broker.child);
        await running.ended;
        if (random.chance(0.2) && tear(folder)) torn++;
        if (random.chance(0.2) && tear(streamIn(folder))) torn++;
      }
    }
    if (broker !== undefined) await kill(broker.child);
    await checkCut(folder, ledger);
    console.log(`  ${JSON.stringify({ cycles, torn, definitions: defined.size, ...ledger.counts })}`);
  } finally {
    if (broker !== undefined) await kill(broker.child);
    rmSync(folder, { recursive: true });
  }
});

async function start(folder: string): Promise<{ child: ChildProcess; port: number }> {
  const executable = process.env['MQ_EXECUTABLE'];
  const child =
    executable === undefined
      ? spawn(node, [join(import.meta.dirname, 'crash-broker.ts'), folder], { stdio: ['ignore', 'pipe', 'inherit'] })
      : spawn(executable, ['broker', '--port', '0', '--json', '--data', folder], {
          stdio: ['ignore', 'pipe', 'ignore'],
        });
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    return { child, port: Number(new URL(JSON.parse(line).url).port) };
  }
  throw new Error(`the broker did not start on ${folder} (exit ${child.exitCode})`);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Appends the bytes of an incomplete write to the newest segment. Returns false if that is not possible. */
function tear(folder: string): boolean {
  const path = newest(folder);
  // A segment without a complete header gets no bytes, because no file system adds bytes after data that was not written.
  if (path === undefined || statSync(path).size < segmentHeaderLength) return false;
  const length = 1 + random.below(4000);
  // The bytes are zeros, as a file system leaves them in allocated space, or random bytes that are not a record.
  if (random.chance(0.5)) truncateSync(path, statSync(path).size + length);
  else appendFileSync(path, random.bytes(length));
  return true;
}

/** Returns the folder of the only stream. */
function streamIn(folder: string): string {
  const streams = join(folder, 'streams');
  return existsSync(streams) ? join(streams, readdirSync(streams)[0] ?? '') : folder;
}

function newest(folder: string): string | undefined {
  const names = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return names.length === 0 ? undefined : join(folder, names.sort().at(-1) ?? '');
}

/** Cuts off confirmed data, like a disk that did not sync. The store must open, and contain only messages that were sent. */
async function checkCut(folder: string, ledger: Ledger): Promise<void> {
  for (let times = 0; times < 20; times++) {
    const stream = newest(streamIn(folder));
    if (stream !== undefined) truncateSync(stream, Math.max(0, statSync(stream).size - 1 - random.below(300)));
    const path = newest(folder);
    if (path === undefined) return;
    truncateSync(path, Math.max(0, statSync(path).size - 1 - random.below(300)));
    const store = await openStore(folder, { pid: process.pid, isAlive: () => false });
    for (const { message, queue } of store.recovered.entries) {
      const body = message.content.toString('utf8', message.propertiesLength);
      assert.ok(ledger.has(`${queue.split('\0')[1]} ${body.split(' ')[0]}`), `found, but never sent: ${queue} ${body}`);
    }
    await store.close();
  }
}

/** Checks the messages of all queues with basic.get. The end of the connection requeues the messages. */
async function check(
  port: number,
  { ledger, defined, isFirst }: { ledger: Ledger; defined: Set<string>; isFirst: boolean },
): Promise<void> {
  const peer = await Peer.open(port);
  if (isFirst) {
    peer.send(method(1, 'exchange.declare', { exchange: 'crash', type: 'topic', durable: true }));
    const small = { 'x-queue-type': 'stream', 'x-stream-max-segment-size-bytes': 10_000 };
    peer.send(method(1, 'queue.declare', { queue: 's', durable: true, arguments: small }));
    peer.send(method(1, 'queue.bind', { queue: 's', exchange: 'crash', routingKey: '*.s.#' }));
    await peer.until('queue.bind-ok');
    for (const queue of defined) {
      const type = queue === 'q3' ? 'quorum' : 'classic';
      const fields = { queue, durable: true, arguments: { 'x-queue-type': type, 'x-delivery-limit': -1 } };
      if (type === 'classic') fields.arguments = { 'x-queue-type': type } as typeof fields.arguments;
      peer.send(method(1, 'queue.declare', fields));
      peer.send(method(1, 'queue.bind', { queue, exchange: 'crash', routingKey: `*.${queue}.#` }));
      await peer.until('queue.bind-ok');
    }
  }
  const found = new Map<string, number>();
  for (const queue of defined) {
    // If the definition is lost, the broker answers 404 and `until` throws.
    peer.send(method(1, 'queue.declare', { queue, passive: true }));
    const { messageCount } = await peer.until('queue.declare-ok');
    for (let count = 0; count < messageCount; count++) peer.send(method(1, 'basic.get', { queue }));
    for (let count = 0; count < messageCount; count++) {
      await peer.until('basic.get-ok');
      await peer.next();
      const body = await peer.next();
      const id = `${queue} ${body?.payload.toString('utf8').split(' ')[0]}`;
      found.set(id, (found.get(id) ?? 0) + 1);
    }
  }
  await readStream(peer, found);
  ledger.settle(found);
  peer.send(method(1, 'channel.close'));
  await peer.until('channel.close-ok');
  await peer.close();
}

/** Reads the stream from its first message, and checks the offsets. */
async function readStream(peer: Peer, found: Map<string, number>): Promise<void> {
  peer.send(method(1, 'queue.declare', { queue: 's', passive: true }));
  const { messageCount } = await peer.until('queue.declare-ok');
  peer.send(
    method(1, 'basic.qos', { prefetchCount: 65_535 }),
    method(1, 'basic.consume', { queue: 's', arguments: { 'x-stream-offset': 'first' } }),
  );
  for (let offset = 0; offset < messageCount; offset++) {
    await peer.until('basic.deliver');
    const properties = await peer.next();
    assert.is(decodeProperties(properties?.payload ?? Buffer.alloc(0), 12).headers?.['x-stream-offset'], offset);
    const body = await peer.next();
    const id = `s ${body?.payload.toString('utf8').split(' ')[0]}`;
    found.set(id, (found.get(id) ?? 0) + 1);
  }
}

test('the ledger finds lost, unknown and reappearing messages', () => {
  const ledger = new Ledger();
  for (const id of ['a', 'b', 'c']) ledger.sent(id);
  ledger.confirmed('a');
  ledger.acking('c');
  assert.throws(() => ledger.settle(new Map([['b', 1]])), /confirmed, but lost: a/);
  assert.throws(() => ledger.settle(new Map([['d', 1]])), /never sent: d/);
  assert.throws(() => ledger.settle(new Map([['a', 2]])), /2 times: a/);
  ledger.settle(new Map([['a', 1]]));
  assert.throws(
    () =>
      ledger.settle(
        new Map([
          ['a', 1],
          ['c', 1],
        ]),
      ),
    /reappeared after it was gone: c/,
  );
});

test.run();
