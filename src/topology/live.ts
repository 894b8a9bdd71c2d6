// Reads the topology of a vhost from the answers of the management API, and from exported definitions.

import { isObject, listOf, objectOf, type Plain, stringOf, without } from '../config/plain.ts';
import { MqError } from '../errors.ts';
import type {
  QueueCounts,
  Topology,
  TopologyBinding,
  TopologyExchange,
  TopologyPolicy,
  TopologyQueue,
} from './topology.ts';

/** The lists of a vhost in the management API. Reading one needs only the tag management and access to the vhost. */
export type Collection = 'exchanges' | 'queues' | 'bindings' | 'policies' | 'operator-policies';

/** Reads one list of a vhost. `columns` names the fields that are needed. */
export type ReadCollection = (collection: Collection, columns: readonly string[]) => Promise<unknown>;

const policyColumns = ['name', 'pattern', 'apply-to', 'priority', 'definition'];
const columns: Readonly<Record<Collection, readonly string[]>> = {
  exchanges: ['name', 'type', 'durable', 'auto_delete', 'internal', 'arguments', 'policy'],
  queues: [
    ...['name', 'type', 'durable', 'auto_delete', 'exclusive', 'arguments', 'policy', 'state'],
    'effective_policy_definition',
    ...['messages', 'messages_unacknowledged', 'consumers'],
  ],
  bindings: ['source', 'destination', 'destination_type', 'routing_key', 'arguments'],
  policies: policyColumns,
  'operator-policies': policyColumns,
};

const rateColumns = ['message_stats.publish_details', 'message_stats.deliver_get_details'];

/**
 * Returns the topology of a vhost with four requests, and a fifth one for operator policies. Counts of messages and
 * consumers are RabbitMQ's statistics, which are some seconds old. Throws PROTOCOL if an answer is not a list, and the
 * errors of `read`.
 */
export async function liveTopology(
  read: ReadCollection,
  { hasOperatorPolicies = false, withRates = false }: { hasOperatorPolicies?: boolean; withRates?: boolean } = {},
): Promise<Topology> {
  const list = async (collection: Collection) => {
    const more = withRates && collection === 'queues' ? rateColumns : [];
    const answer = await read(collection, [...columns[collection], ...more]);
    if (Array.isArray(answer)) return answer.map(objectOf);
    throw new MqError('PROTOCOL', `the answer of the management API is not a list of ${collection}`);
  };
  const [exchanges, queues, bindings, policies, operatorPolicies] = await Promise.all([
    list('exchanges'),
    list('queues'),
    list('bindings'),
    list('policies'),
    hasOperatorPolicies ? list('operator-policies') : undefined,
  ]);
  const topology = topologyOf({ exchanges, queues, bindings, policies });
  return operatorPolicies === undefined ? topology : { ...topology, operatorPolicies: operatorPolicies.map(policyOf) };
}

/** Returns the policies in the answer of `GET /api/policies/VHOST` or `GET /api/operator-policies/VHOST`. */
export function policiesOf(policies: unknown): TopologyPolicy[] {
  return listOf(policies).map(objectOf).map(policyOf);
}

/** Returns the default queue types by vhost in the answer of `GET /api/vhosts`. */
export function defaultQueueTypes(vhosts: unknown): ReadonlyMap<string, string> {
  const types = listOf(vhosts).map((one) => [text(objectOf(one)['name']), defaultType(objectOf(one))] as const);
  return new Map(types.flatMap(([vhost, type]) => (type === undefined ? [] : [[vhost, type]])));
}

/** Returns the names of the vhosts in exported definitions. */
export function exportedVhosts(definitions: Plain): string[] {
  return vhostsIn(definitions).map(({ name }) => text(name));
}

/**
 * Returns the topology of a vhost in exported definitions, or `undefined` if the export does not contain the vhost. An
 * export of a single vhost contains only that one.
 */
export function exportedTopology(definitions: Plain, vhost: string): Topology | undefined {
  const single = singleVhost(definitions);
  const own = vhostsIn(definitions).find(({ name }) => name === vhost);
  if (own === undefined) return undefined;
  const items = (kind: Collection | 'parameters') =>
    listOf(definitions[kind])
      .filter(isObject)
      .filter((item) => single !== undefined || (item['vhost'] ?? '/') === vhost);
  const exchanges = items('exchanges');
  const type = defaultType(own);
  const names = new Set(exchanges.map(({ name }) => name));
  return {
    ...topologyOf({
      // An export contains no predeclared exchange.
      exchanges: [...predeclared.filter(({ name }) => !names.has(name)), ...exchanges],
      queues: items('queues'),
      bindings: items('bindings'),
      policies: items('policies'),
    }),
    operatorPolicies: exportedOperatorPolicies(items('parameters')).map(policyOf),
    ...(type !== undefined && { defaultQueueType: type }),
    // RabbitMQ 4.3.6 exports neither internal exchanges nor the field.
    lacksInternal: !exchanges.some((one) => Object.hasOwn(one, 'internal')),
  };
}

/** RabbitMQ exports an operator policy as a parameter of this component. */
function exportedOperatorPolicies(parameters: readonly Plain[]): Plain[] {
  const own = parameters.filter(({ component }) => component === 'operator_policy');
  return own.map(({ name, value }) => ({ ...objectOf(value), name }));
}

function vhostsIn(definitions: Plain): Plain[] {
  const single = singleVhost(definitions);
  return single === undefined ? listOf(definitions['vhosts']).map(objectOf) : [{ ...definitions, name: single }];
}

/** Returns the vhost of an export of a single vhost, whose items name no vhost. */
function singleVhost(definitions: Plain): string | undefined {
  return stringOf(definitions['original_vhost_name']);
}

/** AMQP 0-9-1, 3.1.3, and RabbitMQ: exchanges that every vhost has. */
const predeclared: readonly Plain[] = ['direct', 'fanout', 'topic', 'headers', 'match'].map((name) => {
  return { name: `amq.${name}`, type: name === 'match' ? 'headers' : name, durable: true };
});

/** RabbitMQ: `undefined` is a text there. */
function defaultType(vhost: Plain): string | undefined {
  const type = stringOf(vhost['default_queue_type']) ?? stringOf(objectOf(vhost['metadata'])['default_queue_type']);
  return type === 'undefined' ? undefined : type;
}

function topologyOf(lists: Readonly<Record<Exclude<Collection, 'operator-policies'>, readonly Plain[]>>): Topology {
  return {
    exchanges: lists.exchanges.map(exchangeOf).filter(({ name }) => name !== ''),
    queues: lists.queues.map(queueOf),
    bindings: lists.bindings.map(bindingOf).filter(({ source }) => source !== ''),
    policies: lists.policies.map(policyOf),
  };
}

function exchangeOf(item: Plain): TopologyExchange {
  return {
    name: text(item['name']),
    type: text(item['type']),
    durable: item['durable'] !== false,
    autoDelete: item['auto_delete'] === true,
    internal: item['internal'] === true,
    arguments: objectOf(item['arguments']),
    ...policyName(item),
  };
}

function queueOf(item: Plain): TopologyQueue {
  const all = objectOf(item['arguments']);
  const state = stringOf(item['state']);
  return {
    name: text(item['name']),
    type: stringOf(all['x-queue-type']) ?? stringOf(item['type']) ?? 'classic',
    durable: item['durable'] !== false,
    autoDelete: item['auto_delete'] === true,
    exclusive: item['exclusive'] === true,
    arguments: without(all, ['x-queue-type']),
    ...policyName(item),
    ...(state !== undefined && { state }),
    ...(isObject(item['effective_policy_definition']) && { policySettings: item['effective_policy_definition'] }),
    counts: countsOf(item),
  };
}

function countsOf({ messages, messages_unacknowledged: unacknowledged, consumers, message_stats }: Plain): QueueCounts {
  const rate = (name: string) => objectOf(objectOf(message_stats)[name])['rate'];
  const [publishRate, deliverRate] = [rate('publish_details'), rate('deliver_get_details')];
  return {
    ...(typeof messages === 'number' && { messages }),
    ...(typeof unacknowledged === 'number' && { unacknowledged }),
    ...(typeof consumers === 'number' && { consumers }),
    ...(typeof publishRate === 'number' && { publishRate }),
    ...(typeof deliverRate === 'number' && { deliverRate }),
  };
}

/** Returns a binding in an answer of the management API. */
export function bindingOf(item: Plain): TopologyBinding {
  return {
    source: text(item['source']),
    destination: text(item['destination']),
    destinationType: item['destination_type'] === 'exchange' ? 'exchange' : 'queue',
    key: text(item['routing_key']),
    arguments: withoutValues(objectOf(item['arguments'])),
  };
}

/** RabbitMQ: an argument without a value, for which a header only has to exist, is the text `undefined`. */
function withoutValues(all: Plain): Plain {
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, value === 'undefined' ? null : value]));
}

function policyOf(item: Plain): TopologyPolicy {
  const { priority } = item;
  return {
    name: text(item['name']),
    pattern: text(item['pattern']),
    applyTo: stringOf(item['apply-to']) ?? 'all',
    priority: typeof priority === 'number' ? priority : 0,
    definition: objectOf(item['definition']),
  };
}

function policyName({ policy }: Plain): { policy?: string } {
  return typeof policy === 'string' && policy !== '' ? { policy } : {};
}

function text(value: unknown): string {
  return stringOf(value) ?? '';
}
