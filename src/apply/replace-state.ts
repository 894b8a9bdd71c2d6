// Reads what a replacement needs to know from the management API, and removes bindings through it.

import { withoutStatistics } from '../admin/depths.ts';
import { apiPath, query } from '../admin/path.ts';
import { listOf, objectOf, type Plain, stringOf } from '../config/plain.ts';
import { bindingOf, liveTopology, policiesOf } from '../topology/live.ts';
import type { Topology, TopologyBinding } from '../topology/topology.ts';
import { type NotReady, notReadyIn } from './not-ready.ts';
import type { Policies } from './replace-policies.ts';
import type { Target } from './step.ts';

type Api = Pick<Target, 'api' | 'vhost'>;

export interface VhostState extends Policies {
  readonly topology: Topology;
  /** `false` if the user may not read the operator policies. */
  readonly knowsOperatorPolicies: boolean;
}

/** Reads the topology and the policies of the vhost. */
export async function readState({ api, vhost }: Api): Promise<VhostState> {
  const topology = await liveTopology((collection, columns) =>
    api.request('GET', `${apiPath`/${collection}/${vhost}`}${query({ columns: columns.join(',') })}`),
  );
  const { status, body } = await api.ask('GET', apiPath`/operator-policies/${vhost}`);
  return {
    topology,
    policies: topology.policies,
    operatorPolicies: status === 200 ? policiesOf(body) : [],
    // A broker without operator policies answers 404.
    knowsOperatorPolicies: status === 200 || status === 404,
  };
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
 * Returns the numbers of messages that are not ready. RabbitMQ without statistics: the numbers are current for a classic
 * queue, and at most 5 seconds old for a quorum queue.
 */
export async function notReady(place: Api, queue: string): Promise<NotReady> {
  return notReadyIn(await describedNow(place, queue));
}

/** Returns the queue as the management API describes it without statistics. */
export async function describedNow({ api, vhost }: Api, queue: string): Promise<Plain> {
  const path = apiPath`/queues/${vhost}/${queue}` + query(withoutStatistics);
  return objectOf(await api.request('GET', path));
}

/** Returns the queue with RabbitMQ's statistics, which contain a new queue only after some seconds. */
export async function describedByStatistics({ api, vhost }: Api, queue: string): Promise<Plain> {
  const columns = ['policy', 'operator_policy', 'effective_policy_definition'].join(',');
  return objectOf(await api.request('GET', apiPath`/queues/${vhost}/${queue}` + query({ columns })));
}
