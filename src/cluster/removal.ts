// Taking clusters away: one by its name, or those whose owners have gone.

import { hostname } from 'node:os';
import { ask, connectDocker, type Docker } from './docker.ts';
import { labelFilter, labels, startingMark } from './labels.ts';

/**
 * Removes what was left behind on this machine by processes that no longer live: the clusters that they owned, and of those
 * that were to stay a start or a join that did not end. Gives the names of the clusters.
 */
export async function sweep({ isAlive }: { isAlive: (pid: number) => boolean }): Promise<string[]> {
  const docker = await connectDocker();
  const [containers, networks] = await Promise.all([listContainers(docker), listNetworks(docker)]);
  const hasEnded = (label: string, { Labels = {} }: Labelled) =>
    Labels[label] !== undefined && Labels[labels.machine] === hostname() && !isAlive(Number(Labels[label]));
  const unfinished = containers.filter((one) => isStarting(one) && hasEnded(labels.starter, one));
  const [joining, founding] = split(unfinished, ({ Labels }) => Labels[labels.joined] !== undefined);
  const held = new Set(containers.map(clusterOf));
  const whole = new Set(
    [
      ...[...containers, ...networks].filter((one) => hasEnded(labels.owner, one)),
      ...founding,
      // A network without containers: the start was killed before the first one.
      ...networks.filter((one) => hasEnded(labels.starter, one) && !held.has(clusterOf(one))),
    ].map(clusterOf),
  );
  await Promise.all([
    ...[...whole].map((cluster) => removeCluster(docker, cluster)),
    ...joining.map((one) => removeContainer(docker, one)),
  ]);
  return [...new Set([...whole, ...joining.map(clusterOf)])];
}

/** Removes the containers of a cluster with their data, then its network. What is gone already is no error. */
export async function removeCluster(docker: Docker, cluster: string): Promise<void> {
  await Promise.all((await listContainers(docker, cluster)).map((one) => removeContainer(docker, one)));
  await removeNetworks(docker, await listNetworks(docker, cluster));
}

/** Removes the networks that a partition has made. */
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

/** Removes one container with its data. What is gone already is no error. */
export async function removeContainer(docker: Docker, { Id, Names }: { Id: string; Names: readonly string[] }) {
  const container = docker.container.getById(Id);
  // 404: gone; 409: somebody else is removing it.
  const gone = { except: [404, 409] };
  await ask(`removing ${Names[0]?.slice(1)}`, () => container.remove({ force: true, v: true }), gone);
}

/** Names of all clusters that this Docker engine holds. */
export async function clusterNames(): Promise<string[]> {
  return (await listClusters()).map(({ name }) => name);
}

/** A cluster as Docker's labels tell it. */
export interface ListedCluster {
  readonly name: string;
  readonly image: string;
  readonly nodes: number;
  readonly running: number;
  /** It ends with the process that started it, as those of `mq test` do. */
  readonly isOwned: boolean;
  readonly isStarting: boolean;
}

/** All clusters that this Docker engine holds, by name. Throws UNAVAILABLE without an engine. */
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

/** The cluster's own, and those of a partition's sides. */
async function listNetworks(docker: Docker, cluster?: string) {
  const engine = docker.container.dockerode;
  const filters = labelFilter(cluster);
  return (await ask('listing networks', () => engine.listNetworks({ filters }))) ?? [];
}
