// The attributes and names of spans, by OpenTelemetry's conventions for RabbitMQ
// (https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/, version 1.44.0, in development).

import type { WritableMessage } from '../../session/outgoing-message.ts';
import type { ProcessedMessage, ServerAddress } from '../../tracing.ts';
import type { Attributes } from './span.ts';

export interface Described {
  readonly name: string;
  readonly attributes: Attributes;
}

export function publishDescription(message: WritableMessage, server: ServerAddress): Described {
  const { operation = 'publish', exchange, body } = message;
  const routingKey = withoutToken(message.routingKey);
  const isAnonymous = exchange === '' && isGenerated(routingKey);
  return {
    name: spanName(operation, isAnonymous ? undefined : exchange || routingKey),
    attributes: {
      ...common(operation, 'send', server),
      'messaging.destination.name': joined([exchange, routingKey]),
      ...(isAnonymous && temporary),
      'messaging.rabbitmq.destination.routing_key': routingKey || undefined,
      ...ofMessage(message.properties, body),
    },
  };
}

export function processDescription(message: ProcessedMessage, server: ServerAddress): Described {
  const { fields, properties, body, attempt } = message;
  const { exchange, routingKey, queue } = fields;
  const isAnonymous = isGenerated(queue);
  return {
    name: spanName('process', isAnonymous ? undefined : queue),
    attributes: {
      ...common('process', 'process', server),
      'messaging.destination.name': joined([exchange, routingKey, routingKey === queue ? '' : queue]),
      ...(isAnonymous && temporary),
      'messaging.rabbitmq.destination.routing_key': routingKey || undefined,
      ...ofMessage(properties, body),
      'mq.attempt': attempt,
    },
  };
}

function common(operation: string, type: 'send' | 'process', { host, port }: ServerAddress): Attributes {
  return {
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': operation,
    'messaging.operation.type': type,
    'server.address': host,
    'server.port': port,
  };
}

function ofMessage(properties: ProcessedMessage['properties'], body: Buffer): Attributes {
  return {
    'messaging.message.id': properties.messageId,
    'messaging.message.conversation_id': properties.correlationId,
    'messaging.message.body.size': body.length,
  };
}

const temporary: Attributes = { 'messaging.destination.temporary': true, 'messaging.destination.anonymous': true };

/** Queues whose name begins with `amq.` have a name that the broker has generated, which must not be part of a span's name. */
function isGenerated(queue: string): boolean {
  return queue.startsWith('amq.');
}

/** The address of a direct reply contains a token, with which any client of the broker could send the reply. */
function withoutToken(routingKey: string): string {
  return routingKey.startsWith('amq.rabbitmq.reply-to') ? 'amq.rabbitmq.reply-to' : routingKey;
}

/** Routing keys can contain ids, so they are not part of the name, unless they are the name of a queue. */
function spanName(operation: string, place: string | undefined): string {
  return (place === undefined || place === '' ? operation : `${operation} ${place}`).toWellFormed();
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(':') || 'amq.default';
}
