// Puts a load on a broker that the test kills: a publisher with confirms, a consumer that acknowledges some messages, and a
// client that changes definitions.

import { decodeMethod } from '../../src/broker/codec/methods.ts';
import type { Random } from '../support/random.ts';
import type { Ledger } from './crash-ledger.ts';
import { method, nameOf, publish } from './frames.ts';
import { Peer } from './peer.ts';

interface LoadOptions {
  readonly ledger: Ledger;
  /** Durable queues for which a declare-ok has arrived. */
  readonly defined: Set<string>;
  readonly cycle: number;
  readonly random: Random;
}

export interface Load {
  /** Resolves after `count` confirms. */
  confirmed(count: number): Promise<void>;
  /** Resolves when all connections are closed. */
  readonly ended: Promise<unknown>;
}

export function load(port: number, options: LoadOptions): Load {
  const waiting: { count: number; done: () => void }[] = [];
  let confirms = 0;
  const onConfirm = () => {
    confirms++;
    for (const wait of waiting) if (wait.count <= confirms) wait.done();
  };
  const parts = [publisher(port, options, onConfirm), consumer(port, options), definer(port, options)];
  return {
    confirmed: (count) =>
      new Promise((done) => {
        waiting.push({ count, done });
        if (count === 0) done();
      }),
    ended: Promise.all(parts),
  };
}

/** Publishes so that 50 messages are always unconfirmed. Each message goes to one queue, to the stream `s`, or to all of them. */
async function publisher(port: number, { ledger, cycle, random }: LoadOptions, onConfirm: () => void): Promise<void> {
  const peer = await opened(port);
  if (peer === undefined) return;
  peer.send(method(1, 'confirm.select'));
  const pending = new Map<number, string[]>();
  let tag = 0;
  const more = () => {
    while (pending.size < 50 && !peer.isClosed) {
      const queues = random.chance(0.3) ? ['q0', 'q1', 'q2', 'q3', 's'] : [random.pick(['q0', 'q1', 'q2', 'q3', 's'])];
      const number = `${cycle}.${++tag}`;
      const ids = queues.map((queue) => `${queue} ${number}`);
      for (const id of ids) ledger.sent(id);
      pending.set(tag, ids);
      const address =
        queues.length === 1 ? { routingKey: queues[0] as string } : { exchange: 'crash', routingKey: 'a.q0' };
      const body = `${number} ${'x'.repeat(random.below(random.chance(0.05) ? 20_000 : 300))}`;
      const keys = queues.length === 1 ? {} : { headers: { CC: queues.slice(1).map((queue) => `a.${queue}.x`) } };
      peer.send(...publish(1, address, body, { deliveryMode: 2, ...keys }));
    }
  };
  more();
  for (let found = await peer.next(); found !== undefined; found = await peer.next()) {
    if (nameOf(found) !== 'basic.ack') continue;
    const { fields } = decodeMethod(found.payload, 0, found.payload.length);
    const { deliveryTag, multiple } = fields as { deliveryTag: number; multiple: boolean };
    for (const [each, ids] of pending) {
      if (each > deliveryTag || (each !== deliveryTag && !multiple)) continue;
      pending.delete(each);
      for (const id of ids) ledger.confirmed(id);
      onConfirm();
    }
    more();
  }
}

/** Consumes from all queues, and acknowledges two of three messages. */
async function consumer(port: number, { ledger }: LoadOptions): Promise<void> {
  const peer = await opened(port);
  if (peer === undefined) return;
  peer.send(method(1, 'basic.qos', { prefetchCount: 30 }));
  for (const queue of ['q0', 'q1', 'q2', 'q3']) peer.send(method(1, 'basic.consume', { queue, consumerTag: queue }));
  for (let found = await peer.next(); found !== undefined; found = await peer.next()) {
    if (nameOf(found) !== 'basic.deliver') continue;
    const { fields } = decodeMethod(found.payload, 0, found.payload.length);
    const { deliveryTag, consumerTag } = fields as { deliveryTag: number; consumerTag: string };
    await peer.next();
    const body = await peer.next();
    if (body === undefined) return;
    if (deliveryTag % 3 === 0) continue;
    ledger.acking(`${consumerTag} ${body.payload.toString('utf8').split(' ')[0]}`);
    peer.send(method(1, 'basic.ack', { deliveryTag }));
  }
}

/** Declares durable queues with a binding, and deletes the queues of earlier cycles. */
async function definer(port: number, { defined, cycle }: LoadOptions): Promise<void> {
  const peer = await opened(port);
  if (peer === undefined) return;
  for (const old of [...defined].filter((name) => name.startsWith('made'))) {
    // From now on, the queue may or may not exist.
    defined.delete(old);
    peer.send(method(1, 'queue.delete', { queue: old }));
  }
  for (let number = 0; number < 20; number++) {
    const queue = `made-${cycle}-${number}`;
    peer.send(method(1, 'queue.declare', { queue, durable: true }));
    peer.send(method(1, 'queue.bind', { queue, exchange: 'crash', routingKey: 'nothing' }));
    for (let answer = await peer.next(); nameOf(answer ?? none) !== 'queue.declare-ok'; answer = await peer.next()) {
      if (answer === undefined) return;
    }
    defined.add(queue);
  }
}

const none = { type: 0, channel: 0, payload: Buffer.alloc(4) };

/** Returns a connection, or `undefined` if the broker was killed before the connection was open. */
async function opened(port: number): Promise<Peer | undefined> {
  return Peer.open(port).catch(() => undefined);
}
