// Removes clusters: one by name, or those whose owners have ended.

import { hostname } from 'node:os';
import { labelFilter, labels, startingMark } from './docker/labels.ts';
import { ask, connectDocker, type Docker } from './docker.ts';

/**
 * Removes what processes of this machine left behind when they ended: clusters that they owned, and unfinished starts
 * and joins of other clusters. Returns the names of the clusters.
 */
export async function sweep({ isAlive }: { isAlive: (pid: number) => boolean }): Promise<string[]> {
  const docker = await connectDocker();
  const [containers, networks] = await Promise.all([listContainers(docker), listNetworks(docker)]);
  const hasEnded = (label: string, { Labels = {} }: Labelled) =>
    Labels[label] !== undefined && Labels[labels.machine] === hostname() && !isAlive(Number(Labels[label]));
  const unfinished = containers.filter((one) => isStarting(one) && hasEnded(labels.starter, one));
  const [joining, founding] = split(unfinished, ({ Labels }) => Labels[labels.joined] !== undefined);
  const withContainers = new Set(containers.map(clusterOf));
  const whole = new Set(
    [
      ...[...containers, ...networks].filter((one) => hasEnded(labels.owner, one)),
      ...founding,
      // A network without containers means that the start was killed before its first container.
      ...networks.filter((one) => hasEnded(labels.starter, one) && !withContainers.has(clusterOf(one))),
    ].map(clusterOf),
  );
  await Promise.all([
    ...[...whole].map((cluster) => removeCluster(docker, cluster)),
    ...joining.map((one) => removeContainer(docker, one)),
  ]);
  return [...new Set([...whole, ...joining.map(clusterOf)])];
}

/**
 * Removes the containers of a cluster with their data, then its network. Objects that no longer exist are not errors.
 */
export async function removeCluster(docker: Docker, cluster: string): Promise<void> {
  await Promise.all((await listContainers(docker, cluster)).map((one) => removeContainer(docker, one)));
  await removeNetworks(docker, await listNetworks(docker, cluster));
}

/** Removes the networks that `separateNodes` has created for partitions. */
export async function removeSides(docker: Docker, cluster: string): Promise<void> {
  const all = await listNetworks(docker, cluster);
  await removeNetworks(
    docker,
    all.filter(({ Name }) => Name !== cluster),
  );
}

async function removeNetworks(docker: Docker, networks: readonly { Id: string; Name: string }[]): Promise<void> {
  for (const { Id, Name } of networks) {
    await ask(`removing network ${Name}`, () => docker.network.getById(Id).remove(), { except: [404] });
  }
}

/** Removes one container with its data. A container that no longer exists is not an error. */
export async function removeContainer(docker: Docker, { Id, Names }: { Id: string; Names: readonly string[] }) {
  const container = docker.container.getById(Id);
  // 404: it does not exist; 409: another process is removing it.
  const gone = { except: [404, 409] };
  await ask(`removing ${Names[0]?.slice(1)}`, () => container.remove({ force: true, v: true }), gone);
}

/** Returns the names of all clusters of this Docker engine. */
export async function clusterNames(): Promise<string[]> {
  return (await listClusters()).map(({ name }) => name);
}

/** A cluster according to Docker's labels. */
export interface ListedCluster {
  readonly name: string;
  readonly image: string;
  readonly nodes: number;
  readonly running: number;
  /** `true` if the cluster belongs to a process and is removed after it, like the clusters of `mq test`. */
  readonly isOwned: boolean;
  readonly isStarting: boolean;
}

/** Returns all clusters of this Docker engine, sorted by name. Throws the errors of connectDocker. */
export async function listClusters(): Promise<ListedCluster[]> {
  const byName = Object.groupBy(await listContainers(await connectDocker()), clusterOf);
  return Object.entries(byName)
    .map(([name, nodes = []]) => ({
      name,
      image: nodes[0]?.Image ?? '',
      nodes: nodes.length,
      running: nodes.filter(({ State }) => State === 'running').length,
      isOwned: nodes.some(({ Labels }) => Labels[labels.owner] !== undefined),
      isStarting: nodes.some(isStarting),
    }))
    .sort((one, other) => one.name.localeCompare(other.name, 'en'));
}

interface Labelled {
  readonly Labels?: Readonly<Record<string, string>> | undefined;
}

function clusterOf({ Labels }: Labelled): string {
  return Labels?.[labels.cluster] ?? '';
}

function isStarting({ Names }: { Names: readonly string[] }): boolean {
  return Names.some((name) => name.endsWith(startingMark));
}

function split<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

async function listContainers(docker: Docker, cluster?: string) {
  const engine = docker.container.dockerode;
  const filters = labelFilter(cluster);
  return (await ask('listing containers', () => engine.listContainers({ all: true, filters }))) ?? [];
}

/** Returns the cluster's own network and the networks of partitions. */
async function listNetworks(docker: Docker, cluster?: string) {
  const engine = docker.container.dockerode;
  const filters = labelFilter(cluster);
  return (await ask('listing networks', () => engine.listNetworks({ filters }))) ?? [];
}
