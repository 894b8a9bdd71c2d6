// Converts the properties of AMQP messages to headers of STOMP frames and back, with RabbitMQ's names.
// https://www.rabbitmq.com/docs/stomp#pear.h

import type { ReceivedMessage } from '../session/listener.ts';
import { taggedValue } from '../session/tagged-json.ts';
import { destinationOf } from './destination.ts';
import { type Frame, headerOf } from './frame.ts';

type Properties = ReceivedMessage['properties'];

const named = {
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

/** Headers that have a meaning in STOMP, so a header of the message cannot use their names. */
const reserved = [
  ...Object.values(named),
  ...'subscription message-id destination redelivered persistent content-length receipt ack id mq-body-bytes'.split(
    ' ',
  ),
];

/** Returns the headers of a MESSAGE frame. `known` contains the headers of the frame itself. */
export function headersOf(received: ReceivedMessage, known: Readonly<Record<string, string>>): Record<string, string> {
  const { headers = {}, deliveryMode, ...properties } = received.properties;
  const own = Object.entries(named).flatMap(([property, name]) => {
    const value = properties[property as keyof typeof named];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  const free = Object.entries(headers).filter(([name]) => name !== '' && !reserved.includes(name));
  return Object.fromEntries([
    ...Object.entries(known),
    ['destination', destinationOf(received)],
    ['redelivered', String(received.redelivered)],
    ...(deliveryMode === 2 ? [['persistent', 'true']] : []),
    ...own,
    ...free.map(([name, value]) => [name, textOf(value)]),
  ]);
}

/** Returns the properties in a SEND frame, without its reply-to. */
export function propertiesOf(frame: Frame): Properties {
  const known = (name: string) => headerOf(frame, name);
  const texts = (
    ['contentType', 'contentEncoding', 'correlationId', 'expiration', 'messageId', 'type', 'appId'] as const
  )
    .map((property) => [property, known(named[property])] as const)
    .filter(([, value]) => value !== undefined);
  const headers = Object.fromEntries(frame.headers.toReversed().filter(([name]) => !reserved.includes(name)));
  const priority = known('priority');
  return {
    ...Object.fromEntries(texts),
    ...(known('persistent') === 'true' && { deliveryMode: 2 }),
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
