// Converts a message of RabbitMQ's firehose to the message that was published. The firehose puts the exchange, the
// routing keys and the properties into headers. https://www.rabbitmq.com/docs/firehose

import { objectOf } from '../../config/plain.ts';
import type { Properties, RawMessage } from '../raw-message.ts';

export interface TracedMessage {
  readonly raw: RawMessage;
  readonly facts: {
    readonly node: string | undefined;
    readonly user: string | undefined;
    readonly connection: string | undefined;
    readonly routedQueues: readonly string[];
  };
}

/** The exchange to which RabbitMQ publishes its copies, with the keys `publish.<exchange>` and `deliver.<queue>`. */
export const traceExchange = 'amq.rabbitmq.trace';

/** Names of the properties in the firehose (rabbit_trace.erl). */
const names = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
  message_id: 'messageId',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
  cluster_id: 'clusterId',
} as const satisfies Record<string, keyof Properties>;

/** Converts a copy of the firehose. Headers that are missing become empty values. */
export function tracedMessage({ content, fields, properties: outer }: RawMessage): TracedMessage {
  const { headers = {} } = outer;
  const [routingKey = ''] = textsOf(headers['routing_keys']);
  return {
    raw: {
      content,
      fields: { ...fields, exchange: textOf(headers['exchange_name']) ?? '', routingKey, redelivered: false },
      properties: propertiesOf(objectOf(headers['properties'])),
    },
    facts: {
      node: textOf(headers['node']),
      user: textOf(headers['user']),
      connection: textOf(headers['connection']),
      routedQueues: textsOf(headers['routed_queues']),
    },
  };
}

function propertiesOf(table: Readonly<Record<string, unknown>>): Properties {
  const texts = Object.entries(names).flatMap(([name, property]) => {
    const text = textOf(table[name]);
    return text === undefined ? [] : [[property, text] as const];
  });
  const [deliveryMode, priority] = [numberOf(table['delivery_mode']), numberOf(table['priority'])];
  const timestamp = innerOf(table['timestamp']);
  return {
    ...Object.fromEntries(texts),
    ...(table['headers'] !== undefined && { headers: { ...objectOf(table['headers']) } }),
    ...(deliveryMode !== undefined && { deliveryMode }),
    ...(priority !== undefined && { priority }),
    ...((typeof timestamp === 'number' || typeof timestamp === 'bigint') && { timestamp }),
  };
}

/** Returns the value without the type that the codec adds to some of them: `{ '!': 'timestamp', value }`. */
function innerOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && '!' in value ? objectOf(value)['value'] : value;
}

function numberOf(value: unknown): number | undefined {
  const inner = innerOf(value);
  return typeof inner === 'number' ? inner : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
