// The Docker labels that say what belongs to which cluster. Docker holds the state: any process that knows a cluster's name can go on with it.

export const labels = {
  /** The cluster's name, on every container and network. */
  cluster: 'mq.cluster',
  /** The node's host name, on its container. */
  host: 'mq.host',
  /** Process id of the owner. A cluster without it is kept until somebody takes it down. */
  owner: 'mq.owner',
  /** Name of the machine on which the owner runs: Docker may be shared by several. */
  machine: 'mq.machine',
} as const;

/** Docker's filter for what belongs to one cluster, or to any. */
export function labelFilter(cluster?: string): { label: string[] } {
  return { label: [cluster === undefined ? labels.cluster : `${labels.cluster}=${cluster}`] };
}
