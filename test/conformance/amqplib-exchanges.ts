// Jobs of amqplib: declaration and routing of exchanges, and refused requests.

import { bodies, type Link, linked, queue, refused } from './amqplib-link.ts';
import { type Job, named } from './program.ts';

type Args = Record<string, unknown>;

/** Queue name → key and arguments of its binding. */
type Bound = Record<string, [key: string, args?: Args]>;

/** Binds queues to a new exchange, publishes to each key with its headers, and returns the messages of each queue. */
async function routed(link: Link, type: string, bound: Bound, published: [key: string, headers?: Args][]) {
  const { channel } = link;
  const exchange = named(`routes.${type}`);
  await channel.assertExchange(exchange, type, { autoDelete: true });
  for (const [name, [key, args]] of Object.entries(bound)) {
    await queue(channel, name);
    await channel.bindQueue(named(name), exchange, key, args);
  }
  for (const [key, headers] of published) channel.publish(exchange, key, Buffer.from(key), { headers: headers ?? {} });
  await channel.waitForConfirms();
  const reached: Record<string, string[]> = {};
  for (const name of Object.keys(bound)) reached[name] = await bodies(channel, named(name));
  return reached;
}

export const exchanges: Readonly<Record<string, Job>> = {
  'exchange.declare every type': linked(async ({ channel }) => {
    const made: string[] = [];
    for (const type of ['direct', 'fanout', 'topic', 'headers']) {
      const { exchange } = await channel.assertExchange(named(type), type, { durable: false });
      await channel.assertExchange(named(type), type, { durable: false });
      await channel.deleteExchange(exchange);
      made.push(exchange);
    }
    return made;
  }),
  'exchange.declare passive': linked(async ({ channel }) => {
    const predeclared = ['amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers', 'amq.match', 'amq.rabbitmq.trace'];
    for (const name of predeclared) await channel.checkExchange(name);
    return predeclared;
  }),
  'exchange.declare passive missing': refused(({ channel }) => channel.checkExchange(named('missing'))),
  'exchange.declare inequivalent type': refused(({ channel }) => channel.assertExchange('amq.direct', 'topic')),
  'exchange.declare inequivalent durable': refused(({ channel }) =>
    channel.assertExchange('amq.direct', 'direct', { durable: false }),
  ),
  'exchange.declare inequivalent auto-delete': refused(({ channel }) =>
    channel.assertExchange('amq.direct', 'direct', { autoDelete: true }),
  ),
  'exchange.declare inequivalent internal': refused(({ channel }) =>
    channel.assertExchange('amq.direct', 'direct', { internal: true }),
  ),
  'exchange.declare inequivalent alternate': refused(({ channel }) =>
    channel.assertExchange('amq.direct', 'direct', { alternateExchange: 'amq.fanout' }),
  ),
  'exchange.declare reserved name': refused(({ channel }) => channel.assertExchange('amq.mine', 'direct')),
  'exchange.declare default exchange': refused(({ channel }) => channel.assertExchange('', 'direct')),
  'exchange.declare invalid alternate': refused(({ channel }) =>
    channel.assertExchange(named('odd'), 'direct', { arguments: { 'alternate-exchange': 7 } }),
  ),
  'exchange.delete missing': linked(async ({ channel }) => await channel.deleteExchange(named('missing'))),
  'exchange.delete default exchange': refused(({ channel }) => channel.deleteExchange('')),
  'exchange.delete predeclared': refused(({ channel }) => channel.deleteExchange('amq.direct')),
  'exchange.delete if-unused': refused(async ({ channel }) => {
    const exchange = named('in.use');
    await channel.assertExchange(exchange, 'direct', { autoDelete: true });
    await channel.bindQueue(await queue(channel, 'user'), exchange, 'k');
    await channel.deleteExchange(exchange, { ifUnused: true });
  }),
  'exchange.declare auto-delete ends with its last binding': refused(async ({ channel }) => {
    const exchange = named('auto.exchange');
    await channel.assertExchange(exchange, 'direct', { autoDelete: true });
    const name = await queue(channel, 'only');
    await channel.bindQueue(name, exchange, 'k');
    await channel.unbindQueue(name, exchange, 'k');
    await channel.checkExchange(exchange);
  }),
  'exchange.bind missing destination': refused(({ channel }) =>
    channel.bindExchange(named('missing'), 'amq.direct', 'k'),
  ),
  'exchange.bind missing source': refused(({ channel }) => channel.bindExchange('amq.direct', named('missing'), 'k')),
  'exchange.bind routes through': linked(async ({ channel }) => {
    const [first, second] = [named('first'), named('second')];
    await channel.assertExchange(first, 'topic');
    await channel.assertExchange(second, 'fanout', { internal: true });
    const name = await queue(channel, 'end');
    await channel.bindQueue(name, second, '');
    await channel.bindExchange(second, first, 'in.#');
    await channel.bindExchange(first, second, 'round'); // a cycle
    for (const key of ['in.1', 'out.1', 'in.2.3']) channel.publish(first, key, Buffer.from(key));
    await channel.waitForConfirms();
    await channel.unbindExchange(second, first, 'in.#');
    channel.publish(first, 'in.4', Buffer.from('unbound'));
    await channel.waitForConfirms();
    for (const exchange of [first, second]) await channel.deleteExchange(exchange);
    return await bodies(channel, name);
  }),
  'basic.publish internal exchange': refused(async ({ channel }) => {
    await channel.assertExchange(named('inner'), 'direct', { internal: true, autoDelete: true, durable: false });
    await channel.bindQueue(await queue(channel, 'inner.queue'), named('inner'), 'k');
    channel.publish(named('inner'), 'k', Buffer.from('x'));
  }),
  'alternate-exchange receives unrouted messages': linked(async ({ channel }) => {
    const [main, rest] = [named('main'), named('rest')];
    await channel.assertExchange(rest, 'fanout', { autoDelete: true });
    await channel.assertExchange(main, 'direct', { autoDelete: true, alternateExchange: rest });
    await channel.bindQueue(await queue(channel, 'routed'), main, 'k');
    await channel.bindQueue(await queue(channel, 'unrouted'), rest, '');
    for (const key of ['k', 'other']) channel.publish(main, key, Buffer.from(key), { mandatory: true });
    await channel.waitForConfirms();
    return [await bodies(channel, named('routed')), await bodies(channel, named('unrouted'))];
  }),
  'route direct': linked((link) =>
    routed(link, 'direct', { a: ['a'], also: ['a'], b: ['b'], empty: [''] }, [['a'], ['b'], ['c'], ['']]),
  ),
  'route fanout': linked((link) => routed(link, 'fanout', { a: ['a'], b: [''] }, [['x'], ['']])),
  'route topic': linked((link) =>
    routed(
      link,
      'topic',
      {
        exact: ['a.b.c'],
        star: ['a.*.c'],
        stars: ['*.*'],
        hash: ['#'],
        end: ['a.#'],
        begin: ['#.c'],
        middle: ['a.#.c'],
        both: ['*.#.*'],
        hashes: ['#.b.#'],
        none: [''],
        onlyStar: ['*'],
        twice: ['#.#'],
        part: ['a*'],
      },
      ['', 'a', 'a.', '.', 'a.b', 'a.c', 'a.b.c', 'a.b.b.c', 'b.b', 'c', 'A.b.c', 'a..c', '*', '#', 'a*'].map((key) => [
        key,
      ]),
    ),
  ),
  'route headers': linked((link) =>
    routed(
      link,
      'headers',
      {
        all: ['', { 'x-match': 'all', a: 1, b: 'two' }],
        any: ['', { 'x-match': 'any', a: 1, b: 'two' }],
        default: ['', { a: 1 }],
        empty: ['', {}],
        emptyAny: ['', { 'x-match': 'any' }],
        withX: ['', { 'x-match': 'all-with-x', 'x-a': 1 }],
        anyWithX: ['', { 'x-match': 'any-with-x', 'x-a': 1, b: 'two' }],
        ignoresX: ['', { 'x-match': 'all', 'x-a': 1, a: 1 }],
        yes: ['', { 'x-match': 'all', c: true }],
      },
      [
        ['none'],
        ['a1', { a: 1 }],
        ['a1 as text', { a: '1' }],
        ['a1 as double', { a: { '!': 'double', value: 1 } }],
        ['a and b', { a: 1, b: 'two' }],
        ['b', { b: 'two' }],
        ['b other', { b: 'three' }],
        ['x-a', { 'x-a': 1 }],
        ['c', { c: true }],
        ['c false', { c: false }],
      ],
    ),
  ),
  'queue.bind invalid x-match': refused(async ({ channel }) =>
    channel.bindQueue(await queue(channel, 'matching'), 'amq.headers', '', { 'x-match': 'some' }),
  ),
  'queue.bind x-match of a wrong type': refused(async ({ channel }) =>
    channel.bindQueue(await queue(channel, 'matching'), 'amq.headers', '', { 'x-match': 23 }),
  ),
};
