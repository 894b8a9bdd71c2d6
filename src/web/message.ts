// Converts the properties of AMQP messages to headers of STOMP frames and back, with RabbitMQ's names.
// https://www.rabbitmq.com/docs/stomp#pear.h

import { taggedValue } from '../session/tagged-json.ts';
import type { ReceivedMessage } from '../session/tap.ts';
import { destinationOf } from './destination.ts';
import { type Frame, headerOf } from './frame.ts';

type Properties = ReceivedMessage['properties'];

/** Names of the properties as headers of a frame. */
const headerNames = {
  contentType: 'content-type',
  contentEncoding: 'content-encoding',
  correlationId: 'correlation-id',
  replyTo: 'reply-to',
  expiration: 'expiration',
  messageId: 'amqp-message-id',
  timestamp: 'timestamp',
  type: 'type',
  userId: 'user-id',
  appId: 'app-id',
  priority: 'priority',
} as const satisfies Partial<Record<keyof Properties, string>>;

/** Headers with a meaning in STOMP or for mq's page. Headers of a message with these names are not converted. */
const reserved = [
  ...Object.values(headerNames),
  ...'subscription message-id destination redelivered persistent content-length receipt ack id mq-body-bytes'.split(
    ' ',
  ),
];

/** Returns all headers of a MESSAGE frame: `frameHeaders`, and those that the received message determines. */
export function headersOf(
  received: ReceivedMessage,
  frameHeaders: Readonly<Record<string, string>>,
): Record<string, string> {
  const { headers = {}, deliveryMode, ...properties } = received.properties;
  const own = Object.entries(headerNames).flatMap(([property, name]) => {
    const value = properties[property as keyof typeof headerNames];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  const free = Object.entries(headers).filter(([name]) => name !== '' && !reserved.includes(name));
  return Object.fromEntries([
    ...Object.entries(frameHeaders),
    ['destination', destinationOf(received)],
    ['redelivered', String(received.redelivered)],
    ...(deliveryMode === 2 ? [['persistent', 'true']] : []),
    ...own,
    ...free.map(([name, value]) => [name, textOf(value)]),
  ]);
}

/** Returns the properties that a SEND frame sets, except reply-to. Ignores its headers timestamp and user-id. */
export function propertiesOf(frame: Frame): Properties {
  const header = (name: string) => headerOf(frame, name);
  const texts = (
    ['contentType', 'contentEncoding', 'correlationId', 'expiration', 'messageId', 'type', 'appId'] as const
  )
    .map((property) => [property, header(headerNames[property])] as const)
    .filter(([, value]) => value !== undefined);
  const headers = Object.fromEntries(frame.headers.toReversed().filter(([name]) => !reserved.includes(name)));
  const priority = header('priority');
  return {
    ...Object.fromEntries(texts),
    ...(header('persistent') === 'true' && { deliveryMode: 2 }),
    ...(priority !== undefined && /^\d{1,3}$/.test(priority) && { priority: Number(priority) }),
    ...(Object.keys(headers).length > 0 && { headers }),
  };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  try {
    return typeof value === 'object' ? JSON.stringify(taggedValue(value)) : String(value);
  } catch {
    return '(cannot be shown)';
  }
}
