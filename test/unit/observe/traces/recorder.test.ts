// Tests the spans of messages: their ids, their context in the message, and their attributes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import { Recorder } from '../../../../src/observe/traces/recorder.ts';
import { defaultSampler, samplerOf } from '../../../../src/observe/traces/sampler.ts';
import type { Span } from '../../../../src/observe/traces/span.ts';
import { MessageSeries, type PublishOutcome, type WritableMessage } from '../../../../src/session/outgoing-message.ts';
import { replaceTime, time } from '../../../../src/time.ts';
import type { ProcessSpan } from '../../../../src/tracing.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';
const server = () => ({ host: 'rabbit-1', port: 5672 });
const body = Buffer.from('text');

function recorder(sampler = defaultSampler) {
  const spans: Span[] = [];
  const { publish, process } = new Recorder(samplerOf(sampler, 1) ?? (() => true), (span) => spans.push(span)).on(
    server,
  );
  return { spans, publish, process };
}

function outgoing(headers?: Record<string, unknown>, more: Partial<WritableMessage> = {}): WritableMessage {
  const properties = { messageId: 'm1', ...(headers && { headers }) };
  return { exchange: 'orders', routingKey: 'order.7', mandatory: true, body, properties, ...more };
}

const received = {
  ...{ body, attempt: 2, properties: { messageId: 'm1', correlationId: 'c1' } },
  fields: { exchange: 'orders', routingKey: 'order.7', queue: 'jobs' },
};

/** Publishes a message, and returns it as it is sent. */
function sent(message: WritableMessage, { publish }: ReturnType<typeof recorder>, outcome?: PublishOutcome) {
  const traced = publish(message, () => undefined);
  traced.settle(outcome ?? { type: 'confirmed' });
  return traced.message;
}

function ended(span: ProcessSpan, outcome: Parameters<ProcessSpan['handled']>[0] = { type: 'ack' }): void {
  span.handled(outcome);
  span.settle('ack');
}

/** Returns the attributes of a span as an object. */
function attributesOf(span: Span | undefined) {
  return Object.fromEntries(span?.attributes.map(({ key, value }) => [key, Object.values(value)[0]]) ?? []);
}

test('a message carries the context of its span, which starts a trace', () => {
  const made = recorder();
  const message = sent(outgoing({ tenant: 'a', tracestate: 'without=parent' }), made);
  const [span] = made.spans;
  assert.match(span?.traceId ?? '', /^[0-9a-f]{32}$/);
  assert.match(span?.spanId ?? '', /^[0-9a-f]{16}$/);
  assert.is(span?.parentSpanId, undefined);
  const traceparent = `00-${span?.traceId}-${span?.spanId}-01`;
  assert.equal({ ...message.properties.headers }, { tenant: 'a', traceparent });
  assert.equal(
    [message.exchange, message.routingKey, message.mandatory, message.body],
    ['orders', 'order.7', true, body],
  );
});

test('a message with a trace continues it', () => {
  const made = recorder();
  const message = sent(outgoing({ traceparent: `00-${trace}-${parent}-03`, tracestate: 'a=1' }), made);
  const [span] = made.spans;
  assert.equal([span?.traceId, span?.parentSpanId, span?.traceState, span?.flags], [trace, parent, 'a=1', 3]);
  const traceparent = `00-${trace}-${span?.spanId}-03`;
  assert.equal({ ...message.properties.headers }, { traceparent, tracestate: 'a=1' });
});

test('a trace that its sender does not record is passed on unchanged', () => {
  const made = recorder();
  const traceparent = `00-${trace}-${parent}-00`;
  const message = outgoing({ traceparent });
  assert.is(sent(message, made), message);
  const span = made.process({ ...received, headers: { traceparent } });
  ended(span);
  assert.equal(span.context, { traceparent });
  assert.equal(made.spans, []);
});

test('a new trace that is not recorded is marked so in the message', () => {
  const made = recorder('always_off');
  const { headers } = sent(outgoing(), made).properties;
  assert.match(String(headers?.['traceparent']), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.equal(made.spans, []);
});

test('messages of a series keep their ids', () => {
  const made = recorder();
  const series = new MessageSeries({ ...outgoing(), properties: { type: 'x' } });
  const ids = [series.message(body), series.message(body)].map((message) => sent(message, made).properties.messageId);
  assert.equal(ids, [`${series.idStart}1`, `${series.idStart}2`]);
});

test('a request that is sent again has the new address of its replies', () => {
  const made = recorder();
  const message = outgoing();
  const traced = made.publish(message, () => undefined).message;
  message.properties.replyTo = 'second';
  assert.is(traced.properties.replyTo, 'second');
});

test('a publish has the attributes of the conventions for RabbitMQ', () => {
  const made = recorder();
  sent(outgoing(), made);
  assert.equal([made.spans[0]?.name, made.spans[0]?.kind, made.spans[0]?.status], ['publish orders', 4, undefined]);
  assert.equal(attributesOf(made.spans[0]), {
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders:order.7',
    'messaging.rabbitmq.destination.routing_key': 'order.7',
    'messaging.message.id': 'm1',
    'messaging.message.body.size': '4',
    'server.address': 'rabbit-1',
    'server.port': '5672',
  });
});

test('a reply has no name of a queue, and no token of its address', () => {
  const made = recorder();
  sent(outgoing({}, { exchange: '', routingKey: 'amq.rabbitmq.reply-to.secret', operation: 'reply' }), made);
  assert.is(made.spans[0]?.name, 'reply');
  const { 'messaging.destination.name': name, ...others } = attributesOf(made.spans[0]);
  assert.is(name, 'amq.rabbitmq.reply-to');
  assert.is(others['messaging.destination.anonymous'], true);
  assert.not.match(JSON.stringify(made.spans), /secret/);
});

test('a failed publish has the code and the reason', () => {
  const made = recorder();
  const error = new MqError('UNROUTABLE', 'no queue received the message');
  sent(outgoing(), made, { type: 'refused', error });
  assert.equal(made.spans[0]?.status, { code: 2, message: 'no queue received the message' });
  assert.is(attributesOf(made.spans[0])['error.type'], 'UNROUTABLE');
});

test('the call of a handler is a span below the publish, with its outcome', () => {
  const made = recorder();
  const span = made.process({ ...received, headers: { traceparent: `00-${trace}-${parent}-01` } });
  span.handled({ type: 'retry', reason: 'exit status 9' });
  assert.equal(made.spans, []);
  span.settle('dropped');
  span.settle('requeued');
  assert.is(made.spans.length, 1);
  const [ended] = made.spans;
  assert.is(span.context.traceparent, `00-${trace}-${ended?.spanId}-01`);
  assert.equal([ended?.name, ended?.kind, ended?.parentSpanId], ['process jobs', 5, parent]);
  assert.equal(ended?.status, { code: 2, message: 'exit status 9' });
  assert.equal(attributesOf(ended), {
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'orders:order.7:jobs',
    'messaging.rabbitmq.destination.routing_key': 'order.7',
    'messaging.message.id': 'm1',
    'messaging.message.conversation_id': 'c1',
    'messaging.message.body.size': '4',
    'server.address': 'rabbit-1',
    'server.port': '5672',
    'mq.attempt': '2',
    'mq.outcome': 'dropped',
    'error.type': 'retry',
  });
});

test('success and the return of a message are no errors, a stop is one', () => {
  const made = recorder();
  const error = new MqError('SYSTEM', 'the disk is full');
  for (const outcome of [{ type: 'ack' }, { type: 'hand-back' }, { type: 'stop', error }])
    ended(made.process({ ...received, headers: {} }), outcome);
  assert.equal(
    made.spans.map(({ status }) => status?.message),
    [undefined, undefined, 'the disk is full'],
  );
});

test('the default exchange, and a queue with a generated name', () => {
  const made = recorder();
  sent(outgoing({}, { exchange: '', routingKey: 'jobs' }), made);
  sent(outgoing({}, { exchange: '', routingKey: '' }), made);
  const fields = { exchange: '', routingKey: 'amq.gen-1', queue: 'amq.gen-1' };
  ended(made.process({ ...received, fields, headers: {} }));
  assert.equal(
    made.spans.map((span) => [span.name, attributesOf(span)['messaging.destination.name']]),
    [
      ['publish jobs', 'jobs'],
      ['publish', 'amq.default'],
      ['process', 'amq.gen-1'],
    ],
  );
});

test('bytes that are not UTF-8 become valid Unicode', () => {
  const made = recorder();
  sent(outgoing({}, { exchange: '', routingKey: 'a\udcff' }), made);
  assert.equal(
    [made.spans[0]?.name, attributesOf(made.spans[0])['messaging.destination.name']],
    ['publish a\ufffd', 'a\ufffd'],
  );
});

test('times are nanoseconds since 1970, and follow the clock of the system', () => {
  let [now, date] = [1000.25, 1_700_000_000_000];
  const restore = replaceTime({ ...time, now: () => now, date: () => date });
  try {
    const made = recorder();
    const span = made.process({ ...received, headers: {} });
    [now, date] = [now + 1.5, date + 1];
    span.handled({ type: 'ack' });
    [now, date] = [now + 10, date + 3_600_010];
    span.settle('ack');
    sent(outgoing(), made);
    assert.equal(
      made.spans.map(({ startTimeUnixNano, endTimeUnixNano }) => [startTimeUnixNano, endTimeUnixNano]),
      [
        ['1700000000000000000', '1700000000001500000'],
        ['1700003600011000000', '1700003600011000000'],
      ],
    );
  } finally {
    restore();
  }
});

test.run();
