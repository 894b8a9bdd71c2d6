// Writes an AsyncAPI 3.0 document: the publications of rascal.json as operations that send, and the subscriptions as
// operations that receive.

import { basename } from 'node:path';
import { type Config, isPrivate, namePrefix } from '../../../config/config.ts';
import { objectOf, type Plain, stringOf } from '../../../config/plain.ts';
import { type Uses, usesOf } from '../../../config/role.ts';
import type { SchemaNode } from '../../../contracts/schema-node.ts';
import type { SchemaTrees } from '../../../contracts/trees.ts';
import { type WrittenSchemas, writtenSchemas } from './asyncapi-schemas.ts';
import { Ids } from './ids.ts';

/** AMQP bindings of AsyncAPI. */
const bindingVersion = '0.3.0';
const exchangeTypes = ['topic', 'direct', 'fanout', 'headers'];

interface Operation {
  readonly kind: 'publication' | 'subscription';
  readonly name: string;
  readonly action: 'send' | 'receive';
  readonly vhost: string;
  readonly channel: Channel;
  readonly bindings: Plain;
  readonly contentType: string | undefined;
  readonly schema: SchemaNode | undefined;
  /** `true` if a role requests with the publication, or replies to the subscription. */
  readonly hasReply: boolean;
}

/** A queue, or an exchange with a routing key. */
interface Channel {
  /** Equal for the same place of the broker. */
  readonly key: string;
  readonly name: string;
  readonly address: string | null;
  readonly binding: Plain;
}

/** Returns the document for some vhosts of a rascal.json, as JSON. */
export function asyncapiOf(config: Config, vhosts: readonly string[], trees: SchemaTrees): string {
  const operations = [...publications(config, trees), ...subscriptions(config, trees)].filter(({ vhost }) =>
    vhosts.includes(vhost),
  );
  const written = writtenSchemas(
    operations.flatMap(({ schema }) => schema ?? []),
    new Ids(),
  );
  const { messages, ...others } = sections(operations, written);
  const document = {
    asyncapi: '3.0.0',
    info: { title: basename(config.file ?? 'rascal.json'), version: '1.0.0' },
    servers: serversOf(config, vhosts),
    ...others,
    components: { messages, schemas: written.schemas },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

type Sections = Record<'channels' | 'operations' | 'messages', Record<string, Plain>>;

function sections(operations: readonly Operation[], written: WrittenSchemas): Sections {
  const [channelIds, operationIds, messageIds] = [new Ids(), new Ids(), new Ids()];
  const channels: Record<string, Plain> = {};
  const messages: Record<string, Plain> = {};
  const found: Record<string, Plain> = {};
  const replying: string[] = [];
  for (const one of operations) {
    const { schema, channel, contentType = schema && 'application/json' } = one;
    const operationId = operationIds.of(one, `${one.action}_${one.name}`);
    if (one.hasReply) replying.push(operationId);
    const channelId = channelIds.of(channel.key, channel.name);
    const messageName = schema === undefined ? operationId : written.idOf(schema);
    const messageId = messageIds.of(`${contentType} ${messageName}`, messageName);
    messages[messageId] = {
      ...(contentType && { contentType }),
      ...(schema && { payload: written.referenceTo(schema) }),
    };
    channels[channelId] = {
      address: channel.address,
      messages: {
        ...objectOf(channels[channelId]?.['messages']),
        [messageId]: { $ref: `#/components/messages/${messageId}` },
      },
      bindings: { amqp: { ...channel.binding, bindingVersion } },
    };
    found[operationId] = {
      action: one.action,
      channel: { $ref: `#/channels/${channelId}` },
      title: `${one.kind} ${one.name}`,
      messages: [{ $ref: `#/channels/${channelId}/messages/${messageId}` }],
      bindings: { amqp: { ...one.bindings, bindingVersion } },
    };
  }
  const replyIds = {
    channel: channelIds.of('replies', 'replies'),
    messageOf: (operation: string) => messageIds.of(`reply ${operation}`, `reply_${operation}`),
  };
  return withReplies({ channels, operations: found, messages }, replying, replyIds);
}

interface ReplyIds {
  readonly channel: string;
  readonly messageOf: (operation: string) => string;
}

/** Adds a channel for the replies, whose address is in each request. */
function withReplies(
  { channels, operations, messages }: Sections,
  replying: readonly string[],
  { channel, messageOf }: ReplyIds,
): Sections {
  if (replying.length === 0) return { channels, operations, messages };
  const each = (value: (operation: string, message: string) => readonly [string, Plain]) =>
    Object.fromEntries(replying.map((operation) => value(operation, messageOf(operation))));
  const replied = each((operation, message) => {
    const reply = {
      address: { location: '$message.header#/replyTo', description: 'property reply_to of the request' },
      channel: { $ref: `#/channels/${channel}` },
      messages: [{ $ref: `#/channels/${channel}/messages/${message}` }],
    };
    return [operation, { ...operations[operation], reply }];
  });
  const references = each((_, message) => [message, { $ref: `#/components/messages/${message}` }]);
  return {
    channels: { ...channels, [channel]: { address: null, messages: references } },
    operations: { ...operations, ...replied },
    messages: { ...messages, ...each((_, message) => [message, {}]) },
  };
}

/** Returns the names of the publications and subscriptions with replies. */
function repliedTo({ roles }: Config): Uses {
  const uses = Object.values(roles)
    .filter(({ behaviour }) => behaviour === 'request' || behaviour === 'reply')
    .map(usesOf);
  return {
    publications: uses.flatMap((one) => one.publications),
    subscriptions: uses.flatMap((one) => one.subscriptions),
  };
}

function publications(config: Config, trees: SchemaTrees): Operation[] {
  const { publications: withReply } = repliedTo(config);
  return Object.entries(config.publications).map(([name, { vhost, exchange, queue, routingKey, options = {} }]) => ({
    ...{ kind: 'publication', name, action: 'send', vhost },
    channel:
      exchange === undefined
        ? queueChannel(config, vhost, queue ?? '')
        : exchangeChannel(config, vhost, { exchange, routingKey }),
    bindings: sendBindings(options),
    contentType: stringOf(options['contentType']),
    schema: trees.publications.get(name),
    hasReply: withReply.includes(name),
  }));
}

function subscriptions(config: Config, trees: SchemaTrees): Operation[] {
  const { subscriptions: withReply } = repliedTo(config);
  return Object.entries(config.subscriptions).map(([name, { vhost, queue, options = {} }]) => ({
    ...{ kind: 'subscription', name, action: 'receive', vhost },
    channel: queueChannel(config, vhost, queue),
    bindings: { ack: options['noAck'] !== true },
    contentType: undefined,
    schema: trees.subscriptions.get(name),
    hasReply: withReply.includes(name),
  }));
}

function exchangeChannel(
  { vhosts }: Config,
  vhost: string,
  { exchange, routingKey }: { exchange: string; routingKey: string | undefined },
): Channel {
  const own = vhosts[vhost];
  const { type = 'topic', options = {} } = own?.exchanges[exchange] ?? {};
  const known = exchangeTypes.includes(type) ? { type } : {};
  return {
    key: JSON.stringify([vhost, exchange, routingKey]),
    name: [exchange || 'default', ...(routingKey ? [routingKey] : [])].join('.'),
    address: routingKey ?? null,
    binding: {
      is: 'routingKey',
      exchange: {
        name: exchange === '' ? '' : namePrefix(own) + exchange,
        ...(exchange === '' ? { type: 'default' } : known),
        ...lifetime(options),
        vhost,
      },
    },
  };
}

function queueChannel({ vhosts }: Config, vhost: string, name: string): Channel {
  const own = vhosts[vhost];
  const queue = own?.queues[name] ?? {};
  const brokerName = namePrefix(own) + name + (typeof queue.replyTo === 'string' ? `:${queue.replyTo}` : '');
  // The broker or the client makes the name of such a queue unique.
  const isUnique = queue.replyTo === true;
  return {
    key: JSON.stringify([vhost, name]),
    name,
    address: isUnique ? null : brokerName,
    binding: {
      is: 'queue',
      queue: {
        ...(isUnique ? {} : { name: brokerName }),
        ...lifetime(queue.options ?? {}),
        exclusive: isPrivate(queue),
        vhost,
      },
    },
  };
}

/** amqplib: queues and exchanges are durable by default. */
function lifetime(options: Plain): Plain {
  return { durable: options['durable'] !== false, autoDelete: options['autoDelete'] === true };
}

function sendBindings({ persistent, mandatory, priority, expiration, CC, BCC }: Plain): Plain {
  const lifetimeMs = Number(expiration);
  const list = (value: unknown) => [value].flat().filter((one) => typeof one === 'string');
  return {
    ...(typeof persistent === 'boolean' && { deliveryMode: persistent ? 2 : 1 }),
    ...(typeof mandatory === 'boolean' && { mandatory }),
    ...(Number.isInteger(priority) && { priority }),
    ...(expiration !== undefined && Number.isInteger(lifetimeMs) && lifetimeMs >= 0 && { expiration: lifetimeMs }),
    ...(CC !== undefined && { cc: list(CC) }),
    ...(BCC !== undefined && { bcc: list(BCC) }),
  };
}

/** Returns the servers that rascal.json names, without users and passwords. */
function serversOf(config: Config, vhosts: readonly string[]): Plain {
  const ids = new Ids();
  return Object.fromEntries(
    vhosts.flatMap((name) =>
      (config.vhosts[name]?.connections ?? []).flatMap((connection) => {
        const { hostname, port, protocol = 'amqp', vhost = name } = connection;
        if (hostname === undefined) return [];
        const id = ids.of(connection, name === '/' ? 'default' : name);
        const host = port === undefined ? hostname : `${hostname}:${port}`;
        return [[id, { host, protocol, protocolVersion: '0-9-1', pathname: `/${encodeURIComponent(vhost)}` }]];
      }),
    ),
  );
}
