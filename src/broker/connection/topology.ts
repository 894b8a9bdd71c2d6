// Answers the methods of the classes exchange and queue: checks permissions, changes the virtual host, and sends the answer.

import type { Method, MethodFields } from '../codec/methods.ts';
import { ProtocolError } from '../protocol-error.ts';
import { queueName } from '../vhost/names.ts';
import { assertTopicAccess } from '../vhost/topic-access.ts';
import { type Access, assertAccess, assertAnyAccess } from '../vhost/users.ts';
import type { ChannelScope } from './channel-scope.ts';
import { replyQueue } from './reply-to.ts';

/**
 * Returns false for a method of another class. Holds back the answer while changes are not on disk: its own change, or that of
 * another client, because the answer to a second declaration is also a promise.
 */
export function answerTopologyMethod(channel: ChannelScope, method: Method): boolean {
  const { store } = channel.vhost;
  if (store === undefined) return answer(channel, method);
  const { connection } = channel;
  connection.output.hold();
  try {
    return answer(channel, method);
  } finally {
    // A failed store accepts no changes. `releaseWhenStored` then closes the connection with an error.
    if (store.pendingBytes > 0 || store.failure !== undefined) connection.releaseWhenStored();
    else connection.output.release();
  }
}

function answer(channel: ChannelScope, method: Method): boolean {
  switch (method.name) {
    case 'exchange.declare':
      declareExchange(channel, method.fields);
      break;
    case 'exchange.delete':
      deleteExchange(channel, method.fields);
      break;
    case 'exchange.bind':
    case 'exchange.unbind':
      bindExchange(channel, method);
      break;
    case 'queue.declare':
      declareQueue(channel, method.fields);
      break;
    case 'queue.bind':
    case 'queue.unbind':
      bindQueue(channel, method);
      break;
    case 'queue.purge':
      purgeQueue(channel, method.fields);
      break;
    case 'queue.delete':
      deleteQueue(channel, method.fields);
      break;
    default:
      return false;
  }
  return true;
}

function declareExchange(channel: ChannelScope, fields: MethodFields<'exchange.declare'>): void {
  const { vhost } = channel;
  const name = withoutLineEnds(fields.exchange);
  assertNotDefault(name);
  if (fields.passive) {
    assertAnyAccess(channel.connection.user, { vhost: vhost.name, kind: 'exchange', name });
    vhost.exchange(name);
  } else {
    assertAllowed(channel, 'configure', 'exchange', name);
    const alternate = fields.arguments.get('alternate-exchange');
    if (typeof alternate === 'string' && !vhost.exchanges.has(name)) {
      assertAllowed(channel, 'read', 'exchange', name);
      assertAllowed(channel, 'write', 'exchange', alternate);
    }
    vhost.declareExchange({ ...fields, exchange: name });
  }
  if (!fields.noWait) channel.send('exchange.declare-ok', {});
}

function deleteExchange(channel: ChannelScope, fields: MethodFields<'exchange.delete'>): void {
  const name = withoutLineEnds(fields.exchange);
  assertNotDefault(name);
  if (name.startsWith('amq.')) {
    const what = `exchange '${name}' in vhost '${channel.vhost.name}'`;
    throw new ProtocolError('ACCESS_REFUSED', `deletion of system ${what} not allowed`);
  }
  assertAllowed(channel, 'configure', 'exchange', name);
  answerAfter(channel, (done) => channel.vhost.deleteExchange(name, { ifUnused: fields.ifUnused, done }));
  if (!fields.noWait) channel.send('exchange.delete-ok', {});
}

function bindExchange(
  channel: ChannelScope,
  { name, fields }: Method & { name: 'exchange.bind' | 'exchange.unbind' },
): void {
  const binding = { ...fields, isQueue: false };
  assertNotDefault(fields.destination);
  assertNotDefault(fields.source);
  assertAllowed(channel, 'write', 'exchange', fields.destination);
  assertAllowed(channel, 'read', 'exchange', fields.source);
  assertTopicAllowed(channel, fields.source, fields.routingKey);
  if (name === 'exchange.bind') channel.vhost.bind(binding);
  else channel.vhost.unbind(binding, channel.connection);
  if (!fields.noWait) channel.send(`${name}-ok`, {});
}

function declareQueue(channel: ChannelScope, fields: MethodFields<'queue.declare'>): void {
  const { vhost, connection } = channel;
  let name = withoutLineEnds(fields.queue);
  let counts = { messageCount: 0, consumerCount: 0 };
  if (name.startsWith(replyQueue)) {
    // RabbitMQ: a client can declare the address of a reply consumer to check whether the consumer still exists.
    if (name !== replyQueue && !connection.replies.has(name)) {
      throw new ProtocolError('NOT_FOUND', `no queue '${name}' in vhost '${vhost.name}'`);
    }
    counts = { messageCount: 0, consumerCount: 1 };
  } else {
    const generated = queueName();
    if (fields.passive) {
      assertAnyAccess(connection.user, { vhost: vhost.name, kind: 'queue', name });
    } else assertAllowed(channel, 'configure', 'queue', name === '' ? generated : name);
    const deadLetterExchange = fields.arguments.get('x-dead-letter-exchange');
    if (!fields.passive && typeof deadLetterExchange === 'string' && !vhost.queues.has(name)) {
      assertAllowed(channel, 'read', 'queue', name === '' ? generated : name);
      assertAllowed(channel, 'write', 'exchange', deadLetterExchange);
    }
    const queue = fields.passive
      ? vhost.queue(name, connection)
      : vhost.declareQueue({ ...fields, queue: name }, connection, generated);
    if (queue.owner === connection) connection.ownQueue(queue);
    name = queue.name;
    queue.touch();
    counts = { messageCount: queue.readyCount, consumerCount: queue.consumerCount };
  }
  channel.lastQueue = name;
  if (!fields.noWait) channel.send('queue.declare-ok', { queue: name, ...counts });
}

function bindQueue(
  channel: ChannelScope,
  { name: method, fields }: Method & { name: 'queue.bind' | 'queue.unbind' },
): void {
  const destination = channel.queueNamed(fields.queue);
  // AMQP 0-9-1, 1.7.2.3.3: if queue and routing key are empty, the routing key is the name of the last queue.
  const routingKey = fields.queue === '' && fields.routingKey === '' ? channel.lastQueue : fields.routingKey;
  assertNotDefault(fields.exchange);
  assertAllowed(channel, 'write', 'queue', destination);
  assertAllowed(channel, 'read', 'exchange', fields.exchange);
  assertTopicAllowed(channel, fields.exchange, routingKey);
  if (method === 'queue.bind' && channel.vhost.queues.has(destination)) {
    channel.vhost.queue(destination, channel.connection);
  }
  const binding = { source: fields.exchange, destination, isQueue: true, routingKey, arguments: fields.arguments };
  if (method === 'queue.bind') channel.vhost.bind(binding);
  else channel.vhost.unbind(binding, channel.connection);
  if (method === 'queue.unbind') channel.send('queue.unbind-ok', {});
  else if (!('noWait' in fields && fields.noWait)) channel.send('queue.bind-ok', {});
}

function purgeQueue(channel: ChannelScope, fields: MethodFields<'queue.purge'>): void {
  const name = channel.queueNamed(fields.queue);
  assertAllowed(channel, 'read', 'queue', name);
  const queue = channel.vhost.queue(name, channel.connection);
  const messageCount = answerAfter(channel, (done) => queue.purge(done));
  if (!fields.noWait) channel.send('queue.purge-ok', { messageCount });
}

function deleteQueue(channel: ChannelScope, fields: MethodFields<'queue.delete'>): void {
  const name = channel.queueNamed(withoutLineEnds(fields.queue));
  assertAllowed(channel, 'configure', 'queue', name);
  // RabbitMQ: the deletion of a queue that does not exist is not an error.
  const messageCount = channel.vhost.queues.has(name)
    ? answerAfter(channel, (done) =>
        channel.vhost.deleteQueue(channel.vhost.queue(name, channel.connection), { ...fields, done }),
      )
    : 0;
  if (!fields.noWait) channel.send('queue.delete-ok', { messageCount });
}

/** Holds back answers until `work` has called `done` and its changes are on disk. */
function answerAfter<T>({ connection }: ChannelScope, work: (done: () => void) => T): T {
  connection.output.hold();
  try {
    return work(() => connection.releaseWhenStored());
  } catch (error) {
    connection.output.release();
    throw error;
  }
}

function assertAllowed(channel: ChannelScope, access: Access, kind: 'queue' | 'exchange', name: string): void {
  assertAccess(channel.connection.user, access, { vhost: channel.vhost.name, kind, name });
}

function assertTopicAllowed({ connection, vhost }: ChannelScope, exchange: string, routingKey: string): void {
  assertTopicAccess(connection.user, 'read', { exchange: vhost.exchanges.get(exchange), routingKey });
}

function assertNotDefault(exchange: string): void {
  if (exchange === '') throw new ProtocolError('ACCESS_REFUSED', 'operation not permitted on the default exchange');
}

/** RabbitMQ removes line ends from names. */
function withoutLineEnds(name: string): string {
  return name.replaceAll(/[\r\n]/g, '');
}
