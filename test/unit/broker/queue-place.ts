// Creates a virtual host with one queue, without sockets. The test moves its clock.

import { Arguments } from '../../../src/broker/codec/arguments.ts';
import { encodeProperties } from '../../../src/broker/codec/properties.ts';
import type { FieldValue, Table } from '../../../src/broker/codec/table.ts';
import { churnCounters } from '../../../src/broker/counters.ts';
import type { Consumer } from '../../../src/broker/queue/consumers.ts';
import type { QueueEntry } from '../../../src/broker/queue/entry.ts';
import { Memory } from '../../../src/broker/queue/memory.ts';
import { Message } from '../../../src/broker/queue/message.ts';
import { MessageQueue } from '../../../src/broker/queue/message-queue.ts';
import { Slices } from '../../../src/broker/slices.ts';
import type { Store } from '../../../src/broker/store/contract.ts';
import { VirtualHost } from '../../../src/broker/vhost/vhost.ts';
import { HandClock } from '../../support/broker-clock.ts';

export interface Sample {
  body: string;
  exchange?: string;
  routingKey?: string;
  expirationMs?: number;
  priority?: number | undefined;
  moreKeys?: readonly string[] | undefined;
  properties?: { expiration?: string; headers?: Table };
}

export function message(sample: string | Sample): Message {
  const {
    body,
    exchange = '',
    routingKey = 'q',
    expirationMs,
    priority,
    moreKeys,
    properties = {},
  } = typeof sample === 'string' ? { body: sample } : sample;
  const encoded = encodeProperties(properties);
  return new Message({
    exchange,
    routingKey,
    content: Buffer.concat([encoded, Buffer.from(body)]),
    propertiesLength: encoded.length,
    persistent: false,
    priority,
    expirationMs,
    moreKeys,
  });
}

export function declare(vhost: VirtualHost, queue: string, values: Record<string, FieldValue> = {}): MessageQueue {
  const wanted = { queue, durable: true, exclusive: false, autoDelete: false, arguments: Arguments.of(values) };
  const declared = vhost.declareQueue(wanted, undefined);
  if (!(declared instanceof MessageQueue)) throw new Error(`'${queue}' is a stream`);
  return declared;
}

/** Returns a virtual host with one queue `q`. */
export function place(values: Record<string, FieldValue> = {}, store?: Store) {
  const clock = new HandClock();
  const log: string[] = [];
  const memory = new Memory(Infinity, () => {});
  const vhost = new VirtualHost('/', {
    clock,
    memory,
    slices: new Slices(),
    store,
    log: (line) => log.push(line),
    churn: churnCounters(),
  });
  const queue = declare(vhost, 'q', values);
  const put = (...samples: (string | Sample)[]) => {
    for (const sample of samples) vhost.deliver(message(sample), [queue]);
  };
  const take = () => {
    const bodies: string[] = [];
    for (let got = queue.get(true); got !== undefined; got = queue.get(true)) {
      bodies.push(got.entry.message.body().toString());
    }
    return bodies;
  };
  const consumer = ({ prefetch = 0, priority = 0, exclusive = false } = {}) => {
    const one: Consumer & { got: string[]; entries: (QueueEntry | undefined)[] } = {
      tag: 'tag',
      noAck: false,
      exclusive,
      priority,
      arguments: Arguments.none,
      hasPrefetch: prefetch > 0,
      unacked: 0,
      isInLine: false,
      got: [],
      entries: [],
      isReady: () => prefetch === 0 || one.unacked < prefetch,
      deliver: (each, _, entry) => {
        one.unacked++;
        one.entries.push(entry);
        one.got.push(each.body().toString());
      },
      cancelled: () => {},
      failed: () => {},
    };
    queue.addConsumer(one);
    return one;
  };
  return { clock, memory, log, vhost, queue, put, take, consumer };
}
