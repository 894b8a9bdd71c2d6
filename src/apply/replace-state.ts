// Reads what a replacement needs to know from the management API, and removes bindings through it.

import { apiPath, query } from '../admin/path.ts';
import { listOf, objectOf, stringOf } from '../config/plain.ts';
import { bindingOf, liveTopology, policiesOf } from '../topology/live.ts';
import type { Topology, TopologyBinding } from '../topology/topology.ts';
import type { Policies } from './replace-policies.ts';
import type { Target } from './step.ts';

type Api = Pick<Target, 'api' | 'vhost'>;

export interface VhostState extends Policies {
  readonly topology: Topology;
}

/** Reads the topology and the policies of the vhost. */
export async function readState({ api, vhost }: Api): Promise<VhostState> {
  const topology = await liveTopology((collection, columns) =>
    api.request('GET', `${apiPath`/${collection}/${vhost}`}${query({ columns: columns.join(',') })}`),
  );
  // A user who may not read operator policies, or a broker without them, has none that mq can know.
  const { status, body } = await api.ask('GET', apiPath`/operator-policies/${vhost}`);
  return { topology, policies: topology.policies, operatorPolicies: status === 200 ? policiesOf(body) : [] };
}

/** A binding to a queue, with RabbitMQ's key of it. */
interface QueueBinding extends TopologyBinding {
  readonly propertiesKey: string;
}

/** Returns the bindings to a queue, without that of the default exchange. */
export async function bindingsTo({ api, vhost }: Api, queue: string): Promise<QueueBinding[]> {
  const answer = await api.request('GET', apiPath`/queues/${vhost}/${queue}/bindings`);
  return listOf(answer)
    .map(objectOf)
    .filter(({ source }) => source !== '')
    .map((one) => ({ ...bindingOf(one), propertiesKey: stringOf(one['properties_key']) ?? '' }));
}

/** Removes a binding by its key, if it exists. */
export async function removeBinding({ api, vhost }: Api, queue: string, one: QueueBinding): Promise<void> {
  const path = apiPath`/bindings/${vhost}/e/${one.source}/q/${queue}/${one.propertiesKey}`;
  const { status } = await api.ask('DELETE', path);
  if (status !== 404 && (status < 200 || status >= 300)) await api.request('DELETE', path);
}

/**
 * Returns the number of unacknowledged messages. RabbitMQ without statistics: the number is current for a classic queue,
 * and at most 5 seconds old for a quorum queue.
 */
export async function unacknowledged({ api, vhost }: Api, queue: string): Promise<number> {
  const exact = query({ disable_stats: true, enable_queue_totals: true });
  const answer = objectOf(await api.request('GET', `${apiPath`/queues/${vhost}/${queue}`}${exact}`));
  return Number(answer['messages_unacknowledged'] ?? 0);
}
