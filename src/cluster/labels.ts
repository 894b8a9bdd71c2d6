// The Docker labels that say what belongs to which cluster. Docker holds the state: any process that knows a cluster's name can go on with it.

export const labels = {
  /** The cluster's name, on every container and network. */
  cluster: 'mq.cluster',
  /** The node's host name, on its container. */
  host: 'mq.host',
  /** Process id of the owner. A cluster without it is kept until somebody takes it down. */
  owner: 'mq.owner',
  /** Name of the machine on which owner or starter runs: Docker may be shared by several. */
  machine: 'mq.machine',
  /** Process id of whoever starts it. Its end matters only until the node is ready (`startingMark`). */
  starter: 'mq.starter',
  /** On the container of a node that joined a cluster later. */
  joined: 'mq.joined',
} as const;

/** How the name of a container ends until its node is ready. Docker's labels cannot be changed later, names can. */
export const startingMark = '-starting';

/** Docker's filter for what belongs to one cluster, or to any. */
export function labelFilter(cluster?: string): { label: string[] } {
  return { label: [cluster === undefined ? labels.cluster : `${labels.cluster}=${cluster}`] };
}
