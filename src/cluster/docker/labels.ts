// Docker labels that assign containers and networks to clusters. Because Docker stores the state, any process that
// knows the name of a cluster can use the cluster.

export const labels = {
  /** Name of the cluster, on every container and network. */
  cluster: 'mq.cluster',
  /** Host name of the node, on its container. */
  host: 'mq.host',
  /** Process id of the owner, with which the cluster ends. A cluster without an owner stays until `mq cluster down`. */
  owner: 'mq.owner',
  /** Name of the machine where the owner and the starter run, because several machines may share a Docker engine. */
  machine: 'mq.machine',
  /** Process id of the process that starts the node. It is used only until the node is ready (`startingMark`). */
  starter: 'mq.starter',
  /** Set on the container of a node that joined the cluster later. */
  joined: 'mq.joined',
} as const;

/** Suffix of a container's name until its node is ready. Docker can rename a container but cannot change its labels. */
export const startingMark = '-starting';

/** Returns Docker's filter for the objects of one cluster, or of all clusters. */
export function labelFilter(cluster?: string): { label: string[] } {
  return { label: [cluster === undefined ? labels.cluster : `${labels.cluster}=${cluster}`] };
}
