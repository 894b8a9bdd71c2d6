// Tests the way of delayed messages through the wait queues, in a virtual host of the embedded broker without sockets. The
// tests move the clock.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../src/broker/codec/arguments.ts';
import type { FieldValue } from '../../../src/broker/codec/table.ts';
import { MessageQueue } from '../../../src/broker/queue/message-queue.ts';
import type { Store } from '../../../src/broker/store/contract.ts';
import type { VirtualHost } from '../../../src/broker/vhost/vhost.ts';
import { destinationOfWord, destinationWord } from '../../../src/delay/destination.ts';
import {
  type DelayObjects,
  delayRoute,
  deliveryObjects,
  levelObjects,
  levelQueues,
  longestDelaySeconds,
  readDelayKey,
  waitObjects,
} from '../../../src/delay/objects.ts';
import { randomOf } from '../../support/random.ts';
import { message, place } from '../broker/queue-place.ts';

const name = 'mq.delay';

/** Returns a virtual host with the levels, the destination queue `q`, and a direct exchange `orders` bound to `paid`. */
function delayPlace(store?: Store) {
  const made = place({}, store);
  const { vhost, clock, queue } = made;
  const declareAll = ({ exchanges, queues, bindings }: DelayObjects) => {
    for (const one of exchanges) {
      vhost.declareExchange({ ...one, exchange: one.name, arguments: argumentsOf(one.arguments) });
    }
    for (const one of queues) {
      const all = argumentsOf({ ...one.arguments, 'x-queue-type': one.type });
      vhost.declareQueue({ ...one, queue: one.name, arguments: all }, undefined);
    }
    for (const { source, destination, destinationType, key } of bindings) {
      const isQueue = destinationType === 'queue';
      vhost.bind({ source, destination, isQueue, routingKey: key, arguments: Arguments.of({}) });
    }
  };
  declareAll(levelObjects(name));
  const arrivals: { body: string; afterMs: number }[] = [];
  const start = clock.now();
  queue.addConsumer({
    tag: 'arrivals',
    noAck: true,
    exclusive: false,
    priority: 0,
    unacked: 0,
    isInLine: false,
    arguments: Arguments.of({}),
    hasPrefetch: false,
    failed: () => {},
    isReady: () => true,
    deliver: (each) => arrivals.push({ body: each.body().toString(), afterMs: clock.now() - start }),
    cancelled: () => {},
  });
  return { ...made, declareAll, arrivals };
}

/** Publishes a message with a delay to the queue `q`, or to the exchange `orders`. */
function send(
  { vhost }: Pick<ReturnType<typeof delayPlace>, 'vhost'>,
  seconds: number,
  { body = String(seconds), to = { exchange: '', routingKey: 'q' } } = {},
): void {
  const sent = message({ body, ...delayRoute(name, seconds, to) });
  const queues = vhost.route(vhost.exchange(sent.exchange), sent);
  assert.is(queues.length, 1, `a delay of ${seconds} s reaches one queue`);
  vhost.deliver(sent, queues);
}

const argumentsOf = (all: Readonly<Record<string, unknown>>) => Arguments.of(all as Record<string, FieldValue>);

test('a message arrives after 1 s to 30 d, and less than a second late', () => {
  const here = delayPlace();
  here.declareAll(deliveryObjects(name, { exchange: '', routingKey: 'q' }));
  const random = randomOf(20);
  const days = 86_400;
  const delays = new Set([0, 1, 2, 3, 59, 60, 90, 3600, days, 7 * days, 30 * days - 1, 30 * days, longestDelaySeconds]);
  for (let one = 0; one < 300; one += 1) delays.add(1 + random.below(2 ** (1 + random.below(22))));
  for (const seconds of [...delays].toSorted(() => random.below(3) - 1)) send(here, seconds);
  here.clock.move(longestDelaySeconds * 1000 + 1000);
  assert.is(here.arrivals.length, delays.size);
  for (const { body, afterMs } of here.arrivals) {
    assert.ok(afterMs >= Number(body) * 1000, `${body} s arrives after ${afterMs} ms`);
    assert.ok(afterMs < Number(body) * 1000 + 1000, `${body} s arrives after ${afterMs} ms`);
  }
});

test('a short delay behind a long one arrives first', () => {
  const here = delayPlace();
  here.declareAll(deliveryObjects(name, { exchange: '', routingKey: 'q' }));
  send(here, 3600);
  send(here, 1);
  here.clock.move(2000);
  assert.equal(
    here.arrivals.map(({ body }) => body),
    ['1'],
  );
});

test('a message arrives at its exchange with its routing key', () => {
  const here = delayPlace();
  const { vhost, clock, queue } = here;
  const to = { exchange: 'or.ders', routingKey: 'order.#/paid*' };
  const exchange = { exchange: to.exchange, type: 'direct', durable: true, autoDelete: false, internal: false };
  vhost.declareExchange({ ...exchange, arguments: Arguments.of({}) });
  for (const consumer of [...queue.consumers.all]) queue.removeConsumer(consumer);
  here.declareAll({
    exchanges: [],
    queues: [],
    bindings: [{ source: to.exchange, destination: 'q', destinationType: 'queue', key: to.routingKey, arguments: {} }],
  });
  here.declareAll(deliveryObjects(name, to));
  here.declareAll(deliveryObjects(name, { exchange: '', routingKey: 'q' }));
  send(here, 5, { to });
  clock.move(6000);
  const [got, ...others] = [...queue.ready].map(({ message: each }) => each);
  assert.is(others.length, 0);
  assert.equal([got?.exchange, got?.routingKey], [to.exchange, to.routingKey]);
});

test('a message stays until its destination exists', () => {
  const here = delayPlace();
  const { vhost, clock } = here;
  const to = { exchange: '', routingKey: 'later' };
  here.declareAll(deliveryObjects(name, to));
  send(here, 2, { to });
  clock.move(100_000);
  const { queues } = waitObjects(name, 3000, to);
  here.declareAll({ exchanges: [], queues, bindings: [] });
  const wait = message({ body: 'fixed', routingKey: queues[0]?.name ?? '' });
  vhost.deliver(wait, vhost.route(vhost.exchange(''), wait));
  clock.move(100_000);
  here.declareAll({ exchanges: [], queues: [{ ...queueOf(to.routingKey) }], bindings: [] });
  clock.move(2000);
  const bodies = [...queueIn(vhost, 'later').ready].map(({ message: each }) => each.body().toString());
  assert.equal(bodies.toSorted(), ['2', 'fixed']);
});

test('a message for a deleted delivery queue goes to the queue unroutable', () => {
  const here = delayPlace();
  send(here, 2, { to: { exchange: '', routingKey: 'nobody' } });
  here.clock.move(3000);
  const { ready } = queueIn(here.vhost, 'mq.delay.unroutable');
  assert.equal(
    [...ready].map(({ message: each }) => [
      each.body().toString(),
      readDelayKey(each.routingKey)?.destination.routingKey,
    ]),
    [['2', 'nobody']],
  );
});

test('a returned message keeps its due time', () => {
  const here = delayPlace();
  here.declareAll(deliveryObjects(name, { exchange: '', routingKey: 'q' }));
  for (const body of ['a', 'b']) send(here, 8, { body });
  const level = queueIn(here.vhost, levelQueues(name).at(-4) ?? '');
  assert.is(level.ready.length, 2);
  for (let times = 0; times < 50; times += 1) {
    here.clock.move(100);
    const entries = [level.get(false)?.entry, level.get(false)?.entry].flatMap((entry) => entry ?? []);
    level.requeue(entries, true);
  }
  here.clock.move(2900);
  assert.equal(here.arrivals, []);
  here.clock.move(200);
  assert.equal(
    here.arrivals.map(({ body }) => body),
    ['a', 'b'],
  );
});

test('each destination has a word and queue names of its own', () => {
  const random = randomOf(7);
  const letters = ['a', '.', '/', '%', '*', '#', 'é', '2', 'F', ' '];
  const text = () => Array.from({ length: random.below(5) }, () => random.pick(letters)).join('');
  const seen = new Map<string, string>();
  for (let one = 0; one < 5000; one += 1) {
    const destination = { exchange: random.chance(0.5) ? '' : text(), routingKey: text() };
    const word = destinationWord(destination);
    assert.not.match(word, /[.*#]/);
    assert.equal(destinationOfWord(word), destination);
    const names = [deliveryObjects(name, destination), waitObjects(name, 1000, destination)].map(
      ({ queues }) => queues[0]?.name,
    );
    const key = JSON.stringify(names);
    assert.is(seen.get(key) ?? word, word);
    seen.set(key, word);
  }
});

test('a destination that does not fit into a routing key is refused', () => {
  assert.throws(() => deliveryObjects(name, { exchange: '', routingKey: 'x'.repeat(250) }), /too long/);
});

function queueIn(vhost: VirtualHost, queue: string): MessageQueue {
  const found = vhost.queue(queue, undefined);
  if (!(found instanceof MessageQueue)) throw new Error(`'${queue}' is a stream`);
  return found;
}

function queueOf(queue: string) {
  return { name: queue, type: 'quorum', durable: true, autoDelete: false, exclusive: false, arguments: {} } as const;
}
test.run();
