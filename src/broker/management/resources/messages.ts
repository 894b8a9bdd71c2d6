// Publishes and gets messages by HTTP, for tests and inspection.

import { encodeProperties } from '../../codec/properties.ts';
import { publishedMessage } from '../../connection/published.ts';
import { assertKeysAllowed } from '../../connection/publisher.ts';
import { ProtocolError, replyCodes } from '../../protocol-error.ts';
import type { QueueEntry } from '../../queue/entry.ts';
import type { Queue } from '../../queue/queue.ts';
import { assertAccess } from '../../vhost/users.ts';
import { assertKeys, nameOf, textOf, wholeOf } from '../body.ts';
import { badRequest, notAuthorised, notFound, Refusal } from '../refusal.ts';
import { type ApiResponse, type Call, ok, type Route, vhostOf } from '../route.ts';
import { exchangeName } from './exchanges.ts';
import { jsonProperties, propertiesOf } from './properties.ts';

export const messageRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/exchanges/:vhost/:exchange/publish',
    // RabbitMQ answers 400 for every error that would close a channel, even for a missing permission.
    handle: (call) =>
      refusedAs(
        (code, text) => badRequest(`${code} ${text}`),
        () => publish(call),
      ),
  },
  {
    method: 'POST',
    path: '/queues/:vhost/:queue/get',
    handle: (call) =>
      refusedAs(
        (code, text) => (code === replyCodes.ACCESS_REFUSED ? notAuthorised(text) : undefined),
        () => getMessages(call),
      ),
  },
];

/**
 * Runs `work`. Replaces an error that would close a channel by the result of `refusal`. If the result is `undefined`, the
 * error is not replaced.
 */
function refusedAs(refusal: (code: number, text: string) => Refusal | undefined, work: () => ApiResponse): ApiResponse {
  try {
    return work();
  } catch (error) {
    throw (error instanceof ProtocolError && refusal(error.replyCode, error.replyText)) || error;
  }
}

/** Approximate limit of one response, which may therefore contain fewer messages than requested. */
const answerBytes = 16 * 1024 * 1024;
/** Estimated overhead of a message in a response, in bytes. */
const itemBytes = 256;

function publish(call: Call): ApiResponse {
  const { user, body, broker } = call;
  assertKeys(body, ['routing_key', 'payload', 'payload_encoding']);
  const vhost = vhostOf(call);
  const exchange = vhost.exchanges.get(exchangeName(call.param('exchange')));
  if (exchange === undefined) throw notFound('not_found', 'exchange_not_found');
  assertAccess(user, 'write', { vhost: vhost.name, kind: 'exchange', name: exchange.name });
  if (exchange.isInternal) throw new ProtocolError('ACCESS_REFUSED', `cannot publish to internal ${exchange.what}`);
  if (broker.memory.isHigh) throw new Refusal(503, 'service_unavailable', 'low on memory: publishers are blocked');
  const properties = encodeProperties(propertiesOf(body['properties']));
  const message = publishedMessage(
    { bytes: Buffer.concat([properties, payloadOf(call)]), more: [], propertiesLength: properties.length },
    {
      exchange: exchange.name,
      routingKey: nameOf(body, 'routing_key'),
      channel: { connection: { user }, replyAddress: undefined },
    },
  );
  assertKeysAllowed(user, exchange, message);
  const queues = vhost.route(exchange, message);
  exchange.counters.publish_in++;
  exchange.counters.publish_out += queues.length;
  vhost.counters.publish++;
  const { hasQueue, isRefused } = vhost.deliver(message, queues);
  return ok({ routed: hasQueue && !isRefused });
}

function payloadOf({ body }: Call): Buffer {
  const payload = textOf(body, 'payload');
  const encoding = textOf(body, 'payload_encoding');
  if (encoding === 'string') return Buffer.from(payload);
  if (encoding !== 'base64') throw badRequest(`unsupported_encoding: ${encoding}`);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(payload)) throw badRequest('the payload is not base64');
  return Buffer.from(payload, 'base64');
}

const modes: Readonly<Record<string, 'ack' | 'reject' | 'requeue' | 'fail'>> = {
  ack_requeue_false: 'ack',
  reject_requeue_false: 'reject',
  ack_requeue_true: 'requeue',
  reject_requeue_true: 'fail',
};

function getMessages(call: Call): ApiResponse {
  const { body, user } = call;
  assertKeys(body, ['count', 'ackmode', 'encoding']);
  const ackMode = textOf(body, 'ackmode');
  const mode = Object.hasOwn(modes, ackMode) ? modes[ackMode] : undefined;
  if (mode === undefined) {
    throw badRequest(`Invalid ackmode value: ${ackMode}. Valid values are: ${Object.keys(modes).join(', ')}`);
  }
  const encoding = textOf(body, 'encoding');
  if (!['auto', 'base64'].includes(encoding)) {
    throw badRequest('Unsupported encoding. Please use auto or base64.');
  }
  const count = wholeOf(body, 'count');
  const truncate = body['truncate'] === undefined ? Infinity : wholeOf(body, 'truncate');
  const vhost = vhostOf(call);
  const name = call.param('queue');
  if (!vhost.queues.has(name)) throw notFound('not_found', 'queue_not_found');
  assertAccess(user, 'read', { vhost: vhost.name, kind: 'queue', name });
  const queue = vhost.queue(name, undefined);

  const entries: QueueEntry[] = [];
  const items: unknown[] = [];
  try {
    for (let bytes = 0; entries.length < count && bytes < answerBytes; ) {
      const got = queue.get(false);
      if (got === undefined) break;
      entries.push(got.entry);
      bytes += itemBytes + Math.min(got.entry.message.contentLength, truncate);
      items.push(messageItem(got, { queue, truncate, isBase64: encoding === 'base64' }));
    }
  } catch (error) {
    settle(queue, entries, 'requeue');
    throw error;
  }
  settle(queue, entries, mode);
  return ok(items);
}

function settle(queue: Queue, entries: readonly QueueEntry[], mode: (typeof modes)[string]): void {
  if (mode === 'ack') for (const entry of entries) queue.ack(entry);
  else if (mode === 'reject') for (const entry of entries) queue.reject(entry);
  else queue.requeue(entries, mode === 'fail');
}

function messageItem(
  { entry, redelivered, left }: { entry: QueueEntry; redelivered: boolean; left: number },
  { queue, truncate, isBase64 }: { queue: Queue; truncate: number; isBase64: boolean },
): Record<string, unknown> {
  const message = queue.withDeliveryCount(entry);
  const whole = message.body();
  const bytes = whole.subarray(0, Math.min(whole.length, truncate));
  const text = isBase64 ? undefined : textIn(bytes);
  return {
    payload_bytes: whole.length,
    redelivered,
    exchange: message.exchange,
    routing_key: message.routingKey,
    message_count: left,
    properties: jsonProperties(message.properties()),
    payload: text ?? bytes.toString('base64'),
    payload_encoding: text === undefined ? 'base64' : 'string',
  };
}

function textIn(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
