// Lists, declares, purges and deletes queues.

import { Connection } from '../../connection/connection.ts';
import { ChannelConsumer } from '../../connection/consumer.ts';
import type { Queue } from '../../queue/queue.ts';
import { Stream } from '../../stream/stream.ts';
import { assertAccess, type User } from '../../vhost/users.ts';
import type { VirtualHost } from '../../vhost/vhost.ts';
import { argumentsOf, flagOf } from '../body.ts';
import { type JsonObject, jsonTable, shortString } from '../json.ts';
import { queueCounts, type Rates } from '../rates.ts';
import { notFound } from '../refusal.ts';
import { type ApiResponse, type Call, listOf, noContent, ok, put, type Route, vhostOf, vhostsOf } from '../route.ts';
import { consumerItem } from './consumers.ts';
import { nodeName } from './node.ts';

export const queueRoutes: readonly Route[] = [
  { method: 'GET', path: '/queues', handle: queues },
  { method: 'GET', path: '/queues/detailed', handle: detailedQueues },
  { method: 'GET', path: '/queues/:vhost', handle: queues },
  { method: 'GET', path: '/queues/quorum/:vhost/:queue/status', handle: quorumStatus },
  // This request has no effect, because the broker has only one node.
  { method: 'POST', path: '/rebalance/queues', role: 'administrator', handle: () => noContent },
  { method: 'GET', path: '/queues/:vhost/:queue', handle: (call) => ok(queueDetails(queueOf(call), call.rates)) },
  { method: 'PUT', path: '/queues/:vhost/:queue', handle: putQueue },
  { method: 'DELETE', path: '/queues/:vhost/:queue', handle: deleteQueue },
  { method: 'DELETE', path: '/queues/:vhost/:queue/contents', handle: purgeQueue },
];

/** Estimated memory of a queue without messages, and of a message without its body, in bytes. */
const emptyQueueBytes = 4096;
const messageBytes = 450;

/** Returns the queue of the path. Throws 404. */
export function queueOf(call: Call): Queue {
  const queue = vhostOf(call).queues.get(call.param('queue'));
  if (queue === undefined) throw notFound();
  return queue;
}

/** Declares a queue. Throws 403 if the user does not have the permissions. */
export function declareQueue(
  { vhost, user }: { vhost: VirtualHost; user: User },
  name: string,
  body: JsonObject,
): void {
  assertAccess(user, 'configure', { vhost: vhost.name, kind: 'queue', name });
  const all = argumentsOf(body);
  const deadLetterExchange = all.get('x-dead-letter-exchange');
  if (typeof deadLetterExchange === 'string' && !vhost.queues.has(name)) {
    assertAccess(user, 'read', { vhost: vhost.name, kind: 'queue', name });
    assertAccess(user, 'write', { vhost: vhost.name, kind: 'exchange', name: deadLetterExchange });
  }
  vhost.declareQueue(
    {
      queue: shortString(name, 'the name of a queue'),
      durable: flagOf(body, 'durable'),
      exclusive: false,
      autoDelete: flagOf(body, 'auto_delete'),
      arguments: all,
    },
    undefined,
  );
}

const allQueues = (call: Call): Queue[] => vhostsOf(call).flatMap((vhost) => [...vhost.queues.values()]);

function queues(call: Call): Promise<ApiResponse> {
  return listOf(allQueues(call), (queue) => queueItem(queue, call.rates));
}

function detailedQueues(call: Call): Promise<ApiResponse> {
  return listOf(allQueues(call), (queue) => queueDetails(queue, call.rates));
}

/** Reports the only node as the leader, because this broker has no Raft log. */
function quorumStatus(call: Call): ApiResponse {
  const { type } = queueOf(call).settings;
  if (type !== 'quorum') return { status: 503, body: { status: 'failed', reason: `${type}_queue_not_supported` } };
  return ok([{ 'Node Name': nodeName, 'Raft State': 'leader', Membership: 'voter' }]);
}

function queueItem(queue: Queue, rates: Rates): Record<string, unknown> {
  const { name, vhost, settings, totals, consumers, counters } = queue;
  return {
    name,
    vhost,
    type: settings.type,
    durable: queue.isDurable,
    auto_delete: queue.isAutoDelete,
    exclusive: queue.owner !== undefined,
    arguments: jsonTable(queue.arguments.values),
    node: nodeName,
    state: 'running',
    consumers: consumers.count,
    consumer_capacity: rates.capacityOf(queue),
    consumer_utilisation: rates.capacityOf(queue),
    ...rates.details(queue, queueCounts(queue)),
    ...memoryOf(queue),
    message_bytes: totals.bytes,
    message_bytes_ready: totals.readyBytes,
    message_bytes_unacknowledged: totals.bytes - totals.readyBytes,
    message_bytes_ram: totals.bytes,
    message_bytes_persistent: totals.persistentBytes,
    message_bytes_paged_out: 0,
    messages_persistent: totals.persistent,
    messages_paged_out: 0,
    ...rates.idleSince(queue),
    policy: queue.policy.policy,
    operator_policy: queue.policy.operatorPolicy,
    effective_policy_definition: queue.policy.definition,
    ...(queue instanceof Stream && { readers: { [nodeName]: consumers.count }, segments: queue.segmentCount }),
    ...(settings.type !== 'classic' && {
      leader: nodeName,
      members: [nodeName],
      online: [nodeName],
      ...(settings.deliveryLimit !== undefined && { delivery_limit: settings.deliveryLimit }),
    }),
    ...rates.messageStats(queue, { ...counters }),
  };
}

/** Reports every message as a message in memory. */
function memoryOf({ readyCount, unackedCount, totals }: Queue): Record<string, number> {
  return {
    memory: emptyQueueBytes + totals.bytes + (readyCount + unackedCount) * messageBytes,
    messages_ram: readyCount + unackedCount,
    messages_ready_ram: readyCount,
    messages_unacknowledged_ram: unackedCount,
  };
}

function queueDetails(queue: Queue, rates: Rates): Record<string, unknown> {
  const consumers = [...queue.consumers.all].filter((consumer) => consumer instanceof ChannelConsumer);
  const owner = queue.owner instanceof Connection ? queue.owner : undefined;
  return {
    ...queueItem(queue, rates),
    exclusive_consumer_tag: consumers.find(({ exclusive }) => exclusive)?.tag ?? null,
    single_active_consumer_tag: queue.consumers.active?.tag ?? null,
    consumer_details: consumers.map(consumerItem),
    incoming: [],
    deliveries: [],
    ...(owner !== undefined && {
      owner_pid_details: {
        name: owner.name,
        peer_host: owner.details.remoteAddress,
        peer_port: owner.details.remotePort,
      },
    }),
  };
}

function putQueue(call: Call): ApiResponse {
  const vhost = vhostOf(call);
  const name = call.param('queue');
  const isNew = !vhost.queues.has(name);
  declareQueue({ vhost, user: call.user }, name, call.body);
  return put(isNew);
}

async function deleteQueue(call: Call): Promise<ApiResponse> {
  const { name } = queueOf(call);
  const vhost = vhostOf(call);
  assertAccess(call.user, 'configure', { vhost: vhost.name, kind: 'queue', name });
  const isSet = (flag: string) => call.query.get(flag) === 'true';
  const flags = { ifUnused: isSet('if-unused'), ifEmpty: isSet('if-empty') };
  await new Promise<void>((done) => vhost.deleteQueue(vhost.queue(name, undefined), { ...flags, done }));
  return noContent;
}

async function purgeQueue(call: Call): Promise<ApiResponse> {
  const { name } = queueOf(call);
  const vhost = vhostOf(call);
  assertAccess(call.user, 'read', { vhost: vhost.name, kind: 'queue', name });
  const queue = vhost.queue(name, undefined);
  await new Promise<void>((done) => queue.purge(done));
  return noContent;
}
