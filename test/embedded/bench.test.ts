// Tests mq bench against the embedded broker: stalls, lost and doubled messages, verdicts, and the queues of the user.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bench, queuesOf, rascal, resultIn } from '../support/bench.ts';
import { runCli } from '../support/cli.ts';
import { get, Place } from '../support/embedded.ts';
import { startMessageProxy } from '../support/message-proxy.ts';
import { emptyFolder, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';

const withQueue = (options: object) =>
  JSON.stringify({
    vhosts: { '/': { queues: { orders: { options }, other: {} } } },
    publications: { orders: { queue: 'orders' }, other: { queue: 'other' } },
    subscriptions: { orders: { queue: 'orders' }, other: { queue: 'other' } },
  });

test('a stall of the broker delays all messages of its time', () =>
  Place.with({ port: 0 }, async (place) => {
    const proxy = await startMessageProxy(place.broker.port, { stall: { before: 500, ms: 500 } });
    const args = ['pipe', '--rate', '1000', '--count', '2000', '--warm-up', '0', '--json'];
    const result = resultIn(await bench(proxy.url, args));
    proxy.close();
    assert.equal([result.loop, result.sent, result.received, result.lost], ['open', 2000, 2000, 0]);
    // The schedule has 250 messages in the first half of the stall, and each of them waits for its other half.
    const slow = result.histogram.counts.filter(([us]) => us >= 249_000).reduce((sum, [, count]) => sum + count, 0);
    assert.ok(slow >= 240, `${slow} slow messages`);
    assert.ok((result.latencyMs['p99.5'] ?? 0) >= 450, JSON.stringify(result.latencyMs));
  }));

test('counts lost and doubled messages, and a failed threshold is 1', () =>
  Place.with({ port: 0 }, async (place) => {
    const fates = new Map([
      ...[100, 200, 300].map((number) => [number, 2] as const),
      ...[150, 250, 350].map((number) => [number, 0] as const),
    ]);
    const proxy = await startMessageProxy(place.broker.port, { copies: (number) => fates.get(number) ?? 1 });
    const thresholds = ['lost==0', 'lost<=3', 'duplicates==3'].flatMap((text) => ['--threshold', text]);
    const ended = await bench(proxy.url, ['pipe', '--count', '1000', '--warm-up', '0', '--json', ...thresholds]);
    proxy.close();
    assert.is(ended.status, 1, ended.stderr);
    assert.match(ended.stderr, /1 of 3 thresholds failed: lost==0/);
    const { sent, received, lost, duplicates, thresholds: verdicts } = resultIn(ended);
    assert.equal([sent, received, lost, duplicates], [1000, 997, 3, 3]);
    assert.equal(
      verdicts.map(({ holds }) => holds),
      [false, true, true],
    );
  }));

test('has 1,000 requests in flight, and receives a reply to each', () =>
  Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('orders');
    const cwd = emptyFolder({ 'rascal.json': rascal });
    const args = ['rpc', 'orders', '--window', '1000', '--count', '2500', '--warm-up', '0', '--json'];
    const running = bench(place.url(), args, cwd);
    await until('1000 requests', async () => (await channel.checkQueue('orders')).messageCount === 1000);
    await channel.consume('orders', (request) => {
      if (request === null) return;
      const { replyTo, correlationId } = request.properties;
      channel.sendToQueue(String(replyTo), request.content, { correlationId });
      channel.ack(request);
    });
    const ended = await running;
    assert.is(ended.status, 0, ended.stderr);
    const { sent, received, lost } = resultIn(ended);
    assert.equal([sent, received, lost], [2500, 2500, 0]);
  }));

test('every command uses queues of its own, and deletes them', () =>
  Place.with({ port: 0 }, async (place) => {
    const common = ['--count', '300', '--warm-up', '0', '--json'];
    for (const args of [
      ['publish', '--queue-type', 'classic', '--no-persistent', '--size', '2KB'],
      ['consume', '--queues', '2', '--prefetch', '5'],
      ['pipe', '--queues', '2', '--producers', '3', '--consumers', '4'],
      ['rpc', '--rate', '1000'],
    ]) {
      const ended = await bench(place.url(), [...args, ...common]);
      assert.is(ended.status, 0, ended.stderr);
      const { sent, received, lost, versions } = resultIn(ended);
      const measured = args[0] === 'consume' ? received : sent;
      assert.equal([measured, lost, queuesOf(place)], [300, 0, []], args.join(' '));
      assert.match(`${versions.mq} ${versions.node} ${versions.broker.product}`, /^\d+\.\S+ \d+\.\S+ \S+/);
    }
  }));

test('processes share the messages, and draw one chart', () =>
  Place.with({ port: 0 }, async (place) => {
    const cwd = emptyFolder();
    const args = ['pipe', '--processes', '2', '--count', '2001', '--json', '--svg', 'latency.svg'];
    const ended = await bench(place.url(), args, cwd);
    assert.is(ended.status, 0, ended.stderr);
    const { sent, received, lost, loop } = resultIn(ended);
    assert.equal([sent, received, lost, loop], [2001, 2001, 0, 'closed']);
    assert.match(readFileSync(join(cwd, 'latency.svg'), 'utf8'), /^<svg .*<\/svg>\n$/s);
    assert.equal(queuesOf(place), []);
  }));

test('--abort ends the run when a threshold can no longer hold', () =>
  Place.with({ port: 0 }, async (place) => {
    const args = ['publish', '--rate', '200', '--duration', '10m', '--abort', '--threshold', 'max<1us', '--json'];
    const ended = await bench(place.url(), args);
    assert.is(ended.status, 1, ended.stderr);
    assert.ok(resultIn(ended).sent < 100_000);
  }));

test('a terminal shows a line for each second', () =>
  Place.with({ port: 0 }, async (place) => {
    const args = ['bench', 'pipe', '--rate', '100', '--duration', '2s', '--warm-up', '0'];
    const { status, stdout, stderr } = await runCli(args, { terminal: 100, env: { MQ_URL: place.url() } });
    assert.is(status, 0, stderr);
    assert.ok(stderr.includes('\r\u001b[K1 s  sent '), stderr);
    assert.match(stdout, /^pipe of 1 quorum queue of mq bench\n {2}open schedule, 100 messages a second; /m);
  }));

test('a result that is worse than the baseline is 1', () =>
  Place.with({ port: 0 }, async (place) => {
    const cwd = emptyFolder({
      'fast.json':
        '{"type":"result","verb":"publish","rates":{"sent":1e9,"confirmed":1e9,"received":0},"lost":0,"duplicates":0}',
      'slow.json':
        '{"type":"result","verb":"publish","rates":{"sent":1,"confirmed":1,"received":0},"lost":0,"duplicates":0}',
    });
    const args = ['publish', '--count', '100', '--baseline'];
    const [worse, better] = [
      await bench(place.url(), [...args, 'fast.json'], cwd),
      await bench(place.url(), [...args, 'slow.json'], cwd),
    ];
    assert.equal([worse.status, better.status], [1, 0], worse.stderr + better.stderr);
    assert.match(worse.stdout, /^ {2}WORSE {2}rate/m);
  }));

test('pipe with names refuses a queue that has messages', () =>
  Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('orders');
    channel.sendToQueue('orders', Buffer.from('an order'));
    await channel.waitForConfirms();
    const cwd = emptyFolder({ 'rascal.json': rascal });
    const { status, stderr } = await bench(place.url(), ['pipe', 'orders', '--count', '10'], cwd);
    assert.is(status, 75, stderr);
    assert.match(stderr, /the queue 'orders' has messages \(1\)/);
    assert.is((await channel.checkQueue('orders')).messageCount, 1);
  }));

test('pipe with names leaves a message that it has not written', () =>
  Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    const cwd = emptyFolder({ 'rascal.json': rascal });
    const args = ['bench', 'pipe', 'orders', '--rate', '100', '--duration', '10m', '--json'];
    const running = startMq(args, { env: { MQ_URL: place.url() }, cwd });
    await running.prints(/"type":"second"/);
    channel.sendToQueue('orders', Buffer.from('an order'));
    const { status, stderr } = await running.ended;
    assert.is(status, 75, stderr);
    assert.match(stderr, /contains a message that the benchmark has not written/);
    const bodies: string[] = [];
    for (let message = await channel.get('orders'); message !== false; message = await channel.get('orders'))
      bodies.push(message.content.toString('latin1', 0, 8));
    // The benchmark has received its own messages before it ended.
    assert.equal(bodies, ['an order']);
  }));

test('consume with --drop-messages receives the messages of the user', () =>
  Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('orders');
    for (let count = 0; count < 50; count += 1) channel.sendToQueue('orders', Buffer.from('an order'));
    await channel.waitForConfirms();
    const cwd = emptyFolder({ 'rascal.json': rascal });
    const ended = await bench(place.url(), ['consume', 'orders', '--drop-messages', '--count', '20', '--json'], cwd);
    assert.is(ended.status, 0, ended.stderr);
    assert.is(resultIn(ended).received, 20);
    assert.is((await channel.checkQueue('orders')).messageCount, 30);
  }));

test('pipe refuses a queue that drops a returned message', () =>
  Place.with({ port: 0 }, async (place) => {
    const cwd = emptyFolder({
      'rascal.json': withQueue({ arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 0 } }),
    });
    const { status, stderr, stdout } = await bench(place.url(), ['pipe', 'orders', '--count', '10'], cwd);
    assert.equal([status, stdout], [78, ''], stderr);
    assert.match(stderr, /the queue 'orders' drops a message after one failed delivery/);
  }));

test('a message of others is returned without a failed delivery', () =>
  Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    const cwd = emptyFolder({ 'rascal.json': withQueue({ arguments: { 'x-queue-type': 'quorum' } }) });
    const args = ['bench', 'pipe', 'orders', '--rate', '100', '--duration', '10m', '--json'];
    const running = startMq(args, { env: { MQ_URL: place.url() }, cwd });
    await running.prints(/"type":"second"/);
    channel.sendToQueue('orders', Buffer.from('an order'));
    const ended = await running.ended;
    assert.is(ended.status, 75, ended.stderr);
    assert.is(resultIn(ended).lost, 0);
    const message = await get(channel, 'orders');
    assert.equal(
      [message.content.toString(), message.properties.headers?.['x-delivery-count']],
      ['an order', undefined],
    );
  }));

test('publish with a name sends exactly the messages of --count', () =>
  Place.with({ port: 0 }, async (place) => {
    const cwd = emptyFolder({ 'rascal.json': rascal });
    const { status, stderr } = await bench(place.url(), ['publish', 'orders', '--count', '5'], cwd);
    assert.is(status, 0, stderr);
    assert.match(stderr, /^mq bench: messages are sent to your topology, by the publication 'orders'\n/);
    const channel = await place.channel();
    assert.is((await channel.checkQueue('orders')).messageCount, 5);
  }));

test('pipe sends one message if the subscription does not receive it', () =>
  Place.with({ port: 0 }, async (place) => {
    const cwd = emptyFolder({ 'rascal.json': withQueue({}) });
    const args = ['pipe', 'orders', 'other', '--count', '10', '--drain', '200ms'];
    const { status, stderr } = await bench(place.url(), args, cwd);
    assert.is(status, 75, stderr);
    assert.match(stderr, /the subscription 'other' did not receive a message of the publication 'orders'/);
    assert.match(stderr, /one message is left in the queue 'orders'; its body begins with mq-bench/);
    const channel = await place.channel();
    assert.is((await channel.checkQueue('orders')).messageCount, 1);
  }));

test('the first message of pipe with a name is one of --count', () =>
  Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    await channel.assertExchange('all', 'fanout');
    await channel.assertQueue('copy');
    await channel.bindQueue('copy', 'all', '');
    const cwd = emptyFolder({
      'rascal.json': JSON.stringify({
        vhosts: {
          '/': {
            exchanges: { all: { type: 'fanout' } },
            queues: { orders: {} },
            bindings: { all: { source: 'all', destination: 'orders' } },
          },
        },
        publications: { orders: { exchange: 'all' } },
        subscriptions: { receipts: { queue: 'orders' } },
      }),
    });
    const ended = await bench(place.url(), ['pipe', 'orders', 'receipts', '--count', '10'], cwd);
    assert.is(ended.status, 0, ended.stderr);
    assert.match(ended.stdout, /^pipe of orders to receipts\n {2}closed loop/);
    assert.match(ended.stdout, /lost 0, duplicates 0/);
    assert.is((await channel.checkQueue('copy')).messageCount, 10);
  }));

test('a first message without a queue ends pipe and rpc with 67', () =>
  Place.with({ port: 0 }, async (place) => {
    const cwd = emptyFolder({
      'rascal.json': JSON.stringify({
        vhosts: { '/': { exchanges: { shop: { type: 'topic' } }, queues: { orders: {} } } },
        publications: { new: { exchange: 'shop', routingKey: 'order.new' }, missing: { exchange: '' } },
        subscriptions: { orders: { queue: 'orders' } },
      }),
    });
    const channel = await place.channel();
    await channel.assertExchange('shop', 'topic');
    for (const args of [
      ['pipe', 'new', 'orders'],
      ['rpc', 'new', '--count', '10'],
      ['publish', 'new', '--count', '10'],
    ]) {
      const { status, stdout, stderr } = await bench(place.url(), [...args, '--svg', 'latency.svg'], cwd);
      assert.equal([status, stdout], [67, ''], `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, /not delivered: the exchange 'shop' has no queue for the key 'order\.new'.*\[UNROUTABLE\]/);
    }
  }));

test('consume prints no result if it refuses the queue', () =>
  Place.with({ port: 0 }, async (place) => {
    const cwd = emptyFolder({
      'rascal.json': withQueue({ arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 0 } }),
    });
    const args = ['consume', 'orders', '--drop-messages', '--count', '10'];
    const { status, stdout, stderr } = await bench(place.url(), args, cwd);
    assert.equal([status, stdout], [78, ''], stderr);
  }));

test.run();
