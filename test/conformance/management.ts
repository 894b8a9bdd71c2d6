// Jobs of the management API: requests of exporters, autoscalers and libraries. The answer of a job contains the JSON type of
// each field that the program parses.
//
// The fields come from the source code of these programs. Fields about the Erlang virtual machine are left out, and so is
// idle_since, which is missing while counters change.

import amqplib from 'amqplib';
import { ask } from './management-api.ts';
import { lists } from './management-lists.ts';
import { parameters } from './management-parameters.ts';
import { rights } from './management-rights.ts';
import { eventually, type Job, named, runJobs, url } from './program.ts';

const { username, password, hostname, port } = new URL(url);

type Item = Readonly<Record<string, unknown>>;

const vhost = named('vhost');
const queue = 'tasks.high';
const connectionName = named('connection');

/** Creates a vhost with traffic that increases every counter of a queue. */
async function traffic(): Promise<void> {
  await ask(`/vhosts/${vhost}`, 'PUT');
  const rights = { configure: '.*', write: '.*', read: '.*' };
  await ask(`/permissions/${vhost}/${username}`, 'PUT', rights);
  const connection = await amqplib.connect(`amqp://${username}:${password}@${hostname}:${port}/${vhost}`, {
    clientProperties: { connection_name: connectionName },
  });
  const channel = await connection.createConfirmChannel();
  channel.on('return', () => undefined);
  await channel.assertQueue(queue, { arguments: { 'x-max-length': 100, 'x-max-length-bytes': 10_000 } });
  await channel.assertQueue('members', { arguments: { 'x-queue-type': 'quorum' } });
  for (let index = 0; index < 6; index++) channel.sendToQueue(queue, Buffer.from('body'), { persistent: true });
  channel.sendToQueue('nowhere', Buffer.from('body'), { mandatory: true });
  await channel.waitForConfirms();
  const first = await channel.get(queue);
  if (first) channel.nack(first);
  await channel.get(queue, { noAck: true });
  await channel.prefetch(2);
  await channel.consume(queue, (message) => message?.fields.deliveryTag === 3 && channel.ack(message), {
    consumerTag: 'tag',
  });
  // Each process of RabbitMQ updates its statistics every five seconds, at its own time.
  const reads = Object.values(readers).flat();
  for (const each of reads.filter(({ path }) => counted.test(path))) await eventually(() => isComplete(each));
}

/** Matches paths with statistics. */
const counted = /^\/(overview|nodes|vhosts|queues|consumers|connections|channels)\b/;

async function isComplete(read: Read): Promise<boolean> {
  const found = await answer(read);
  return read.fields.every((field) => read.absent?.includes(field) || found[field] !== 'missing');
}

/** Returns field path → JSON type, such as `message_stats/publish_details/rate` → `number`. */
function typesOf(item: unknown, fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(fields.map((field) => [field, typeOf(valueAt(item, field.split('/')))]));
}

function valueAt(item: unknown, path: readonly string[]): unknown {
  let value = item;
  for (const key of path) value = (value as Item | null | undefined)?.[key];
  return value;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  return Array.isArray(value) ? 'array' : typeof value;
}

interface Read {
  readonly path: string;
  /** Selects an item if the answer is a list. */
  readonly of?: (item: Item) => boolean;
  readonly fields: readonly string[];
  /** Fields that RabbitMQ does not send. */
  readonly absent?: readonly string[];
}

const rated = (...names: readonly string[]) => names.flatMap((name) => [name, `${name}_details/rate`]);
const within = (object: string, fields: readonly string[]) => fields.map((field) => `${object}/${field}`);
const ours = (item: Item) => item['vhost'] === vhost;
const itemOf = (name: string) => (item: Item) => ours(item) && item['name'] === name;

const counts = ['messages', 'messages_ready', 'messages_unacknowledged'];
const deliveries = ['publish', 'deliver', 'deliver_no_ack', 'get', 'get_no_ack', 'redeliver', 'ack', 'deliver_get'];
const totals = within('object_totals', ['channels', 'connections', 'consumers', 'queues', 'exchanges']);
const bytes = [
  'message_bytes',
  'message_bytes_ready',
  'message_bytes_unacknowledged',
  'message_bytes_ram',
  'message_bytes_persistent',
];
const inMemory = ['messages_ram', 'messages_ready_ram', 'messages_unacknowledged_ram', 'messages_persistent', 'memory'];
const resources = [
  'mem_used',
  'mem_limit',
  'disk_free',
  'disk_free_limit',
  'fd_used',
  'fd_total',
  'sockets_used',
  'proc_used',
  'proc_total',
];
const alarms = ['running', 'mem_alarm', 'disk_free_alarm', 'partitions'];
const octets = rated('recv_oct', 'send_oct');
const packets = ['recv_cnt', 'send_cnt', 'send_pend'];
const ends = ['name', 'node', 'vhost', 'user', 'state', 'host', 'port', 'peer_host', 'peer_port'];

const readers: Readonly<Record<string, readonly Read[]>> = {
  rabbitmq_exporter: [
    {
      path: '/overview',
      fields: [
        'node',
        'rabbitmq_version',
        'cluster_name',
        ...totals,
        ...within('queue_totals', counts),
        ...within('message_stats', rated('publish', 'deliver', 'deliver_no_ack')),
      ],
    },
    { path: '/nodes', of: () => true, fields: ['name', 'uptime', ...resources, ...alarms] },
    {
      path: '/queues',
      of: itemOf(queue),
      fields: [
        'vhost',
        'name',
        'durable',
        'state',
        'node',
        'consumers',
        'consumer_utilisation',
        ...counts,
        ...bytes,
        ...inMemory,
        ...within('message_stats', deliveries),
        'message_stats/publish_details/rate',
        'message_stats/deliver_details/rate',
        'arguments/x-max-length',
        'arguments/x-max-length-bytes',
        'effective_policy_definition',
      ],
    },
    { path: `/queues/${vhost}`, of: itemOf('members'), fields: ['members', 'online', 'leader', ...counts] },
    {
      path: '/exchanges',
      of: itemOf('amq.direct'),
      fields: ['vhost', 'name', 'type', 'durable', 'auto_delete', 'internal'],
    },
    { path: '/connections', of: ours, fields: [...ends, 'channels', ...octets, ...packets] },
    { path: '/channels', of: ours, fields: ['vhost', 'node', 'name', 'user', 'state', 'confirm', 'transactional'] },
    { path: `/aliveness-test/${vhost}`, fields: ['status'] },
  ],
  'Datadog and Telegraf': [
    {
      path: '/overview',
      fields: [
        ...within('message_stats', rated('publish', 'confirm', 'deliver_get', 'ack', 'redeliver', 'return_unroutable')),
        ...within('queue_totals', rated(...counts)),
        'listeners',
      ],
    },
    {
      path: '/queues',
      of: itemOf(queue),
      fields: ['consumer_capacity', ...rated(...counts), ...within('message_stats', rated(...deliveries))],
    },
    { path: `/exchanges/${vhost}`, of: itemOf('amq.default'), fields: ['name'] },
    { path: '/nodes', of: () => true, fields: ['run_queue', 'sockets_total', 'os_pid', 'type'] },
    {
      path: '/connections?columns=name,vhost,state',
      of: ours,
      fields: ['name', 'state', 'recv_oct'],
      absent: ['recv_oct'],
    },
    { path: `/vhosts/${vhost}`, fields: [...counts, 'name'] },
    { path: `/vhosts/${vhost}/connections`, of: ours, fields: ['state'] },
    { path: '/healthchecks/node', fields: ['status'] },
  ],
  KEDA: [
    {
      path: `/queues/${vhost}/${queue}`,
      fields: ['name', ...counts, 'message_stats/publish_details/rate', 'message_stats/deliver_get_details/rate'],
    },
    {
      path: `/queues/${vhost}?page=1&use_regex=true&pagination=false&name=${encodeURIComponent('^tasks\\.[a-z]+$')}&page_size=100`,
      fields: [
        'page_count',
        'items',
        'items/0/name',
        ...within('items/0', counts),
        'items/0/message_stats/publish_details/rate',
      ],
    },
  ],
  Flower: [
    { path: `/queues/${vhost}`, of: itemOf(queue), fields: ['name', ...counts, 'consumers', 'idle'], absent: ['idle'] },
  ],
  'rabbit-hole': [
    {
      path: '/overview',
      fields: [
        'management_version',
        'rabbitmq_version',
        'exchange_types/0/name',
        'exchange_types/0/description',
        'exchange_types/0/enabled',
        'statistics_db_event_queue',
        'listeners/0/node',
        'listeners/0/protocol',
        'listeners/0/ip_address',
        'listeners/0/port',
        'contexts',
        'churn_rates/queue_created',
        'rates_mode',
        'product_name',
        'product_version',
      ],
    },
    {
      path: '/nodes',
      of: () => true,
      fields: [
        'name',
        'type',
        'running',
        'os_pid',
        'sockets_total',
        'run_queue',
        'processors',
        'uptime',
        'exchange_types/0/name',
        'auth_mechanisms/0/name',
        'applications/0/name',
        'applications/0/version',
        'contexts',
        'enabled_plugins',
      ],
    },
    {
      path: '/vhosts/',
      of: ({ name }) => name === vhost,
      fields: [
        'name',
        'description',
        'tags',
        'default_queue_type',
        'tracing',
        'cluster_state',
        ...rated(...counts),
        ...octets,
      ],
    },
    {
      path: '/connections',
      of: ours,
      fields: [
        ...ends,
        'type',
        'protocol',
        'ssl',
        'timeout',
        'frame_max',
        'channel_max',
        'client_properties/connection_name',
        'connected_at',
        'auth_mechanism',
        'user_provided_name',
      ],
    },
    {
      path: '/channels',
      of: ours,
      fields: [
        'number',
        'name',
        'prefetch_count',
        'consumer_count',
        'messages_unacknowledged',
        'messages_unconfirmed',
        'messages_uncommitted',
        'acks_uncommitted',
        'confirm',
        'transactional',
        'user',
        'vhost',
        'node',
        'global_prefetch_count',
        'connection_details/name',
        'connection_details/peer_port',
        'connection_details/peer_host',
      ],
      absent: ['global_prefetch_count'],
    },
    {
      path: `/queues/${vhost}/${queue}`,
      fields: [
        'name',
        'vhost',
        'type',
        'durable',
        'auto_delete',
        'exclusive',
        'arguments',
        'node',
        'state',
        'policy',
        'exclusive_consumer_tag',
        'single_active_consumer_tag',
        'consumer_details/0/consumer_tag',
        'consumer_details/0/channel_details/name',
        'incoming',
        'deliveries',
      ],
    },
    {
      path: `/consumers/${vhost}`,
      of: (item) => item['consumer_tag'] === 'tag',
      fields: [
        'arguments',
        'ack_required',
        'active',
        'activity_status',
        'channel_details/connection_name',
        'channel_details/node',
        'channel_details/number',
        'channel_details/peer_host',
        'channel_details/peer_port',
        'channel_details/user',
        'exclusive',
        'prefetch_count',
        'queue/name',
        'queue/vhost',
      ],
    },
    {
      path: `/exchanges/${vhost}/amq.direct`,
      fields: ['name', 'vhost', 'type', 'durable', 'auto_delete', 'internal', 'arguments', 'incoming', 'outgoing'],
    },
    {
      path: `/bindings/${vhost}`,
      of: (item) => item['destination'] === queue,
      fields: ['source', 'vhost', 'destination', 'destination_type', 'routing_key', 'arguments', 'properties_key'],
    },
    { path: '/whoami', fields: ['name', 'tags'] },
    {
      path: '/users',
      of: ({ name }) => name === username,
      fields: ['name', 'password_hash', 'hashing_algorithm', 'tags', 'limits'],
    },
    { path: '/permissions', of: ours, fields: ['user', 'vhost', 'configure', 'write', 'read'] },
    {
      path: `/definitions/${vhost}`,
      fields: [
        'rabbitmq_version',
        'queues/0/name',
        'queues/0/durable',
        'queues/0/auto_delete',
        'queues/0/arguments',
        'exchanges',
        'bindings',
        'policies',
        'parameters',
      ],
    },
    {
      path: '/definitions',
      fields: [
        'rabbitmq_version',
        'users/0/name',
        'users/0/password_hash',
        'vhosts/0/name',
        'permissions',
        'topic_permissions',
        'parameters',
        'global_parameters',
        'policies',
        'queues',
        'exchanges',
        'bindings',
      ],
    },
    { path: '/feature-flags', fields: ['0/name', '0/state', '0/stability'] },
    { path: '/health/checks/alarms', fields: ['status'] },
    { path: '/health/checks/node-is-quorum-critical', fields: ['status'] },
    { path: '/health/checks/protocol-listener/amqp091', fields: ['status'] },
  ],
};

async function answer({ path, of, fields }: Read): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await ask(path);
  const item = of === undefined ? body : (body as readonly Item[]).find(of);
  return { status, ...typesOf(item, fields) };
}

await traffic();
const jobs: Record<string, Job> = {};
for (const [reader, reads] of Object.entries(readers)) {
  for (const each of reads) jobs[`${reader}: GET ${each.path.replaceAll(vhost, '<vhost>')}`] = () => answer(each);
}
jobs['the vhost is deleted'] = () => ask(`/vhosts/${vhost}`, 'DELETE');
await runJobs({ ...jobs, ...parameters, ...rights, ...lists });
