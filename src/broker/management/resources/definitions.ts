// Exports and imports definitions in RabbitMQ's format (https://www.rabbitmq.com/docs/definitions). The import refuses
// definitions that this broker does not support.

import { Queue } from '../../queue/queue.ts';
import { inSlices } from '../../slices.ts';
import type { VirtualHost } from '../../vhost/vhost.ts';
import { argumentsOf, nameOf, objectsOf, textOf } from '../body.ts';
import { type JsonObject, jsonTable } from '../json.ts';
import { badRequest, Refusal } from '../refusal.ts';
import { type ApiResponse, type Call, noContent, ok, type Route, vhostOf } from '../route.ts';
import { allBindings, bind, bindingParts } from './bindings.ts';
import { declareExchange } from './exchanges.ts';
import { versions } from './overview.ts';
import { parametersIn, setParameter } from './parameters.ts';
import { policiesIn, setPolicy } from './policies.ts';
import { declareQueue } from './queues.ts';
import { allowTopic, topicsOf } from './topic-permissions.ts';
import { allow, permissionsOf, putUserOf, userItem } from './users.ts';
import { metadataOf, putVhostOf, removalOf } from './vhosts.ts';

const role = 'administrator';

export const definitionRoutes: readonly Route[] = [
  { method: 'GET', path: '/definitions', role, handle: exportAll },
  { method: 'POST', path: '/definitions', role, handle: importAll },
  { method: 'GET', path: '/definitions/:vhost', role, handle: exportVhost },
  { method: 'POST', path: '/definitions/:vhost', role, handle: importVhost },
];

function exportAll({ broker }: Call): ApiResponse {
  const users = [...broker.users.all.values()];
  const vhosts = [...broker.vhosts.values()];
  return ok({
    ...versions(broker),
    rabbit_version: versions(broker).rabbitmq_version,
    rabbitmq_definition_format: 'cluster',
    users: users.map(userItem),
    vhosts: vhosts.map((vhost) => ({
      name: vhost.name,
      ...metadataOf(vhost),
      metadata: metadataOf(vhost),
      limits: vhost.metadata.limits,
    })),
    permissions: users.flatMap(permissionsOf),
    topic_permissions: users.flatMap(topicsOf),
    parameters: vhosts.flatMap(parametersIn),
    global_parameters: [],
    policies: vhosts.flatMap((vhost) => policiesIn(vhost, 'policy')),
    queues: vhosts.flatMap(queuesIn),
    exchanges: vhosts.flatMap(exchangesIn),
    bindings: vhosts.flatMap(bindingsIn),
  });
}

function exportVhost(call: Call): ApiResponse {
  const vhost = vhostOf(call);
  const bare = (items: readonly { vhost?: unknown }[]) => items.map(({ vhost: _, ...item }) => item);
  return ok({
    ...versions(call.broker),
    rabbit_version: versions(call.broker).rabbitmq_version,
    rabbitmq_definition_format: 'single_virtual_host',
    original_vhost_name: vhost.name,
    ...metadataOf(vhost),
    metadata: metadataOf(vhost),
    limits: vhost.metadata.limits,
    parameters: bare(parametersIn(vhost)),
    policies: bare(policiesIn(vhost, 'policy')),
    queues: bare(queuesIn(vhost)),
    exchanges: bare(exchangesIn(vhost)),
    bindings: bare(bindingsIn(vhost)),
  });
}

/** Omits exclusive queues, because they are deleted with their connection. */
function queuesIn({ queues }: VirtualHost): Record<string, unknown>[] {
  const all = [...queues.values()].filter(({ owner }) => owner === undefined);
  return all.map((queue) => ({
    name: queue.name,
    vhost: queue.vhost,
    type: queue.settings.type,
    durable: queue.isDurable,
    auto_delete: queue.isAutoDelete,
    arguments: jsonTable(queue.arguments.values),
  }));
}

/** Omits predeclared exchanges. */
function exchangesIn({ exchanges }: VirtualHost): Record<string, unknown>[] {
  const all = [...exchanges.values()].filter(({ name }) => name !== '' && !name.startsWith('amq.'));
  return all.map((exchange) => ({
    name: exchange.name,
    vhost: exchange.vhost,
    type: exchange.type,
    durable: exchange.isDurable,
    auto_delete: exchange.isAutoDelete,
    internal: exchange.isInternal,
    arguments: jsonTable(exchange.arguments.values),
  }));
}

function bindingsIn(vhost: VirtualHost): Record<string, unknown>[] {
  return allBindings(vhost)
    .filter(({ source }) => source !== '')
    .filter(({ destination }) => !(destination instanceof Queue) || destination.owner === undefined)
    .map(bindingParts);
}

async function importAll(call: Call): Promise<ApiResponse> {
  const { broker, body } = call;
  for (const user of objectsOf(body, 'users')) putUserOf(broker.users, nameOf(user, 'name'), user);
  for (const vhost of objectsOf(body, 'vhosts')) {
    const name = nameOf(vhost, 'name');
    await removalOf(broker, name);
    putVhostOf(broker, name, vhost);
  }
  for (const permission of objectsOf(body, 'permissions')) {
    await allow(call, { vhost: vhostNamed(call, permission).name, user: textOf(permission, 'user') }, permission);
  }
  for (const permission of objectsOf(body, 'topic_permissions')) {
    await allowTopic(call, { vhost: vhostNamed(call, permission).name, user: textOf(permission, 'user') }, permission);
  }
  for (const parameter of objectsOf(body, 'global_parameters')) assertClusterParameter(parameter);
  await importInto(call, (item) => vhostNamed(call, item));
  return noContent;
}

async function importVhost(call: Call): Promise<ApiResponse> {
  await importInto(call, () => vhostOf(call));
  return noContent;
}

function vhostNamed({ broker }: Call, item: JsonObject): VirtualHost {
  const name = textOf(item, 'vhost', '/');
  const vhost = broker.vhosts.get(name);
  if (vhost === undefined) throw badRequest(`Please create virtual host "${name}" prior to importing definitions.`);
  return vhost;
}

/**
 * Imports as RabbitMQ does: an existing queue or exchange is not changed, and an administrator does not need permissions.
 * `vhostFor` is called for each item, because a virtual host may be deleted during the import.
 */
async function importInto({ user, body }: Call, vhostFor: (item: JsonObject) => VirtualHost): Promise<void> {
  for (const item of objectsOf(body, 'policies')) {
    await setPolicy(vhostFor(item), 'policy', nameOf(item, 'name'), item);
  }
  for (const item of objectsOf(body, 'parameters')) await setParameter(vhostFor(item), item);
  const targetOf = (item: JsonObject) => {
    const vhost = vhostFor(item);
    return { vhost, user: { ...user, permissions: new Map([[vhost.name, allPermissions]]), topics: new Map() } };
  };
  await inSlices(objectsOf(body, 'queues'), (item) => {
    const { vhost, user: importer } = targetOf(item);
    const name = nameOf(item, 'name');
    if (!vhost.queues.has(name)) declareQueue({ vhost, user: importer }, name, item);
  });
  await inSlices(objectsOf(body, 'exchanges'), (item) => {
    const { vhost, user: importer } = targetOf(item);
    const name = nameOf(item, 'name');
    // RabbitMQ 4.3 also exports an internal exchange for its logs, whose name begins with `amq.`.
    if (!vhost.exchanges.has(name) && !name.startsWith('amq.')) declareExchange({ vhost, user: importer }, name, item);
  });
  await inSlices(objectsOf(body, 'bindings'), (item) => {
    const { vhost, user: importer } = targetOf(item);
    bind(
      { vhost, user: importer },
      {
        source: textOf(item, 'source'),
        destination: textOf(item, 'destination'),
        isQueue: textOf(item, 'destination_type') === 'queue',
        routingKey: nameOf(item, 'routing_key'),
        arguments: argumentsOf(item),
      },
    );
  });
}

/** Accepts the parameters that identify a cluster, because RabbitMQ exports them. Throws 501 for any other parameter. */
function assertClusterParameter(parameter: JsonObject): void {
  const name = textOf(parameter, 'name');
  if (['cluster_name', 'cluster_tags', 'internal_cluster_id'].includes(name)) return;
  throw new Refusal(501, 'not_implemented', `mq has no global parameters: ${name}`);
}

const allPermissions = {
  patterns: { configure: '.*', write: '.*', read: '.*' },
  tests: { configure: () => true, write: () => true, read: () => true },
};
