import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import type { OnMessage } from '../../../src/session/session.ts';
import type { AmqpClient, Outgoing } from '../../../src/web/amqp-client.ts';
import { Bridge } from '../../../src/web/bridge.ts';
import { type Frame, FrameReader, headerOf } from '../../../src/web/frame.ts';

/** Returns a bridge with a fake AMQP client and a fake WebSocket. */
function testBridge({
  send = async () => {},
  open = async () => {},
}: {
  send?: (message: Outgoing) => Promise<void>;
  open?: () => Promise<void>;
} = {}) {
  const received: Frame[] = [];
  const reader = new FrameReader({ bodyBytes: 1_000_000 });
  const sent: Outgoing[] = [];
  const takes: { source: { exchange: string; bindingKey: string } | undefined; take: OnMessage; stopped: boolean }[] =
    [];
  const closed = Promise.withResolvers<MqError>();
  const ended = Promise.withResolvers<void>();
  const waiting: (() => void)[] = [];
  const client: AmqpClient = {
    closed: closed.promise,
    close: async () => ended.resolve(),
    send: async (message) => {
      sent.push(message);
      await send(message);
    },
    listen: async (source, take) => {
      if (source?.exchange === 'nosuch') throw new MqError('TOPOLOGY', "the broker has no exchange 'nosuch'");
      const subscription = { source, take, stopped: false };
      takes.push(subscription);
      return {
        queue: `amq.gen-${takes.length}`,
        stop: async () => void Object.assign(subscription, { stopped: true }),
      };
    },
  };
  let isClosed = false;
  const bridge = new Bridge({
    wire: {
      send: (bytes, done) => {
        received.push(...reader.push(bytes));
        done?.();
        for (const wake of waiting.splice(0)) wake();
      },
      close: () => {
        isClosed = true;
      },
    },
    openClient: async () => {
      await open();
      return client;
    },
    bodyBytes: 100,
    version: '1',
  });
  return {
    bridge,
    sent,
    takes,
    received,
    closed,
    ended: ended.promise,
    isClosed: () => isClosed,
    say: (...lines: string[]) => bridge.receive(Buffer.from(`${lines.join('\n')}\0`)),
    /** Waits for the next frame with this command. */
    next: async (command: string): Promise<Frame> => {
      for (;;) {
        const at = received.findIndex((frame) => frame.command === command);
        if (at !== -1) return received.splice(at, 1)[0] as Frame;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

const hello = ['CONNECT', 'accept-version:1.1,1.2', 'heart-beat:0,0', '', ''];

test('connects, subscribes, and sends messages with RabbitMQ’s headers', async () => {
  const { say, next, takes } = testBridge();
  say(...hello);
  assert.is(headerOf(await next('CONNECTED'), 'version'), '1.2');
  say('SUBSCRIBE', 'id:s1', 'destination:/exchange/a%2Fb/kern.*', 'receipt:r1', '', '');
  assert.is(headerOf(await next('RECEIPT'), 'receipt-id'), 'r1');
  assert.equal(takes[0]?.source, { exchange: 'a/b', bindingKey: 'kern.*' });
  let isDone = false;
  takes[0]?.take(
    {
      body: Buffer.from('hi'),
      exchange: 'a/b',
      routingKey: 'kern.x',
      redelivered: false,
      properties: {
        contentType: 'text/plain',
        headers: { x: 1, destination: 'mine', deep: { a: [1] } },
        deliveryMode: 2,
      },
    },
    () => {
      isDone = true;
    },
  );
  const message = await next('MESSAGE');
  const header = (name: string) => headerOf(message, name);
  assert.equal(['destination', 'subscription', 'content-type', 'persistent', 'x', 'deep'].map(header), [
    '/exchange/a%2Fb/kern.x',
    's1',
    'text/plain',
    'true',
    '1',
    '{"a":[1]}',
  ]);
  assert.is(message.body.toString(), 'hi');
  assert.ok(isDone, 'the bridge reports that the page received the message');
});

test('truncates a long body and reports its length', async () => {
  const { say, next, takes } = testBridge();
  say(...hello);
  say('SUBSCRIBE', 'id:s1', 'destination:/exchange/logs', 'receipt:r1', '', '');
  await next('RECEIPT');
  const body = Buffer.alloc(1_000_000, 'x');
  takes[0]?.take({ body, exchange: 'logs', routingKey: '', redelivered: false, properties: {} }, () => {});
  const message = await next('MESSAGE');
  assert.is(headerOf(message, 'mq-body-bytes'), '1000000');
  assert.is(message.body.length, 65_536);
});

test('sends the receipt after the confirm', async () => {
  const confirm = Promise.withResolvers<void>();
  const { say, next, received, sent } = testBridge({ send: () => confirm.promise });
  say(...hello);
  await next('CONNECTED');
  say('SEND', 'destination:/exchange/logs/k', 'receipt:r1', 'persistent:true', 'my:own', '', 'hi');
  say('SUBSCRIBE', 'id:s1', 'destination:/exchange/logs', 'receipt:r2', '', '');
  assert.is(headerOf(await next('RECEIPT'), 'receipt-id'), 'r2');
  assert.equal(received, []);
  confirm.resolve();
  assert.is(headerOf(await next('RECEIPT'), 'receipt-id'), 'r1');
  const [{ exchange, routingKey, mandatory, properties, body }] = sent as [Outgoing];
  assert.equal(
    { exchange, routingKey, mandatory, properties, body: body.toString() },
    {
      exchange: 'logs',
      routingKey: 'k',
      mandatory: false,
      properties: { deliveryMode: 2, headers: { my: 'own' } },
      body: 'hi',
    },
  );
});

test('creates the queue for replies once', async () => {
  const { say, next, sent, takes } = testBridge();
  say(...hello);
  for (const id of ['1', '2'])
    say(
      'SEND',
      'destination:/amq/queue/rpc',
      'reply-to:/temp-queue/answers',
      `correlation-id:${id}`,
      `receipt:${id}`,
      '',
      '30',
    );
  await next('RECEIPT');
  await next('RECEIPT');
  assert.equal(
    sent.map(({ mandatory, routingKey, properties }) => [
      mandatory,
      routingKey,
      properties.replyTo,
      properties.correlationId,
    ]),
    [
      [true, 'rpc', 'amq.gen-1', '1'],
      [true, 'rpc', 'amq.gen-1', '2'],
    ],
  );
  takes[0]?.take(
    {
      body: Buffer.from('832040'),
      exchange: '',
      routingKey: 'amq.gen-1',
      redelivered: false,
      properties: { correlationId: '1' },
    },
    () => {},
  );
  const answer = await next('MESSAGE');
  assert.is(headerOf(answer, 'subscription'), '/temp-queue/answers');
  assert.is(headerOf(answer, 'correlation-id'), '1');
});

test('unsubscribes', async () => {
  const { say, next, takes } = testBridge();
  say(...hello);
  say('SUBSCRIBE', 'id:s1', 'destination:/exchange/logs', '', '');
  say('UNSUBSCRIBE', 'id:s1', 'receipt:r1', '', '');
  await next('RECEIPT');
  assert.is(takes[0]?.stopped, true);
});

test('ends the page’s connection with the reason of a lost connection', async () => {
  const { say, next, closed, ended, isClosed } = testBridge();
  say(...hello);
  await next('CONNECTED');
  closed.resolve(new MqError('UNAVAILABLE', 'the connection to the broker was lost'));
  assert.is(headerOf(await next('ERROR'), 'message'), 'the connection to the broker was lost');
  await ended;
  assert.ok(isClosed());
});

test('ends after the receipt of DISCONNECT', async () => {
  const { say, next, ended } = testBridge();
  say(...hello);
  say('DISCONNECT', 'receipt:bye', '', '');
  assert.is(headerOf(await next('RECEIPT'), 'receipt-id'), 'bye');
  await ended;
});

test('starts no heart-beat for a page that left during the connect', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const [asked, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { say, bridge, ended, received } = testBridge({
    open: () => {
      asked.resolve();
      return opened.promise;
    },
  });
  const before = timers();
  say('CONNECT', 'accept-version:1.2', 'heart-beat:0,1000', '', '');
  await asked.promise;
  const end = bridge.end();
  opened.resolve();
  await Promise.all([end, ended]);
  assert.equal([timers(), received], [before, []]);
});

for (const [what, before, lines] of [
  ['a frame before CONNECT', [], ['SEND', 'destination:/exchange/a', '', 'x']],
  ['a second CONNECT', hello, hello],
  ['a version that is not 1.2', [], ['CONNECT', 'accept-version:1.0', '', '']],
  ['an unknown command', hello, ['BEGIN', 'transaction:1', '', '']],
  ['a subscription to a queue', hello, ['SUBSCRIBE', 'id:1', 'destination:/amq/queue/task_queue', '', '']],
  ['an unknown kind of destination', hello, ['SEND', 'destination:/topic/x', '', 'x']],
  ['a SEND without a destination', hello, ['SEND', '', 'x']],
  ['a subscription without an id', hello, ['SUBSCRIBE', 'destination:/exchange/a', '', '']],
  ['a subscription with ack:client', hello, ['SUBSCRIBE', 'id:1', 'ack:client', 'destination:/exchange/a', '', '']],
  ['an exchange that does not exist', hello, ['SUBSCRIBE', 'id:1', 'destination:/exchange/nosuch/', '', '']],
  ['a body over the limit', hello, ['SEND', 'destination:/exchange/a', '', 'x'.repeat(101)]],
  ['text that is not STOMP', hello, ['<html>', '', '']],
] as const) {
  test(`answers ${what} with ERROR, and ends the connection`, async () => {
    const { say, next, isClosed, bridge } = testBridge();
    if (before.length > 0) {
      say(...before);
      await next('CONNECTED');
    }
    say(...lines);
    assert.match(headerOf(await next('ERROR'), 'message') ?? '', /./);
    await bridge.end();
    assert.ok(isClosed());
  });
}

test('answers a refused message with ERROR and its receipt', async () => {
  const { say, next } = testBridge({
    send: async () => {
      throw new MqError('UNROUTABLE', "not delivered: no queue 'x' exists", { hint: 'start the receiver first' });
    },
  });
  say(...hello);
  await next('CONNECTED');
  say('SEND', 'destination:/amq/queue/x', 'receipt:r9', '', 'x');
  const error = await next('ERROR');
  assert.equal(
    [headerOf(error, 'receipt-id'), headerOf(error, 'message'), error.body.toString()],
    ['r9', "not delivered: no queue 'x' exists", 'start the receiver first'],
  );
});

test.run();
