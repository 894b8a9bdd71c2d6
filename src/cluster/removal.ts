// Taking clusters away: one by its name, or those whose owners have gone.

import { hostname } from 'node:os';
import { ask, connectDocker, type Docker } from './docker.ts';
import { labelFilter, labels } from './labels.ts';

/** Removes what clusters left behind whose owning process on this machine no longer lives. Gives their names. */
export async function sweep({ isAlive }: { isAlive: (pid: number) => boolean }): Promise<string[]> {
  const docker = await connectDocker();
  const found = await Promise.all([listContainers(docker), listNetworks(docker)]);
  const abandoned = new Set<string>();
  for (const labelled of found.flat()) {
    const { [labels.cluster]: cluster, [labels.owner]: owner, [labels.machine]: machine } = labelled.Labels ?? {};
    if (cluster === undefined || owner === undefined || machine !== hostname()) continue;
    if (!isAlive(Number(owner))) abandoned.add(cluster);
  }
  await Promise.all([...abandoned].map((cluster) => removeCluster(docker, cluster)));
  return [...abandoned];
}

/** Removes the containers of a cluster with their data, then its network. What is gone already is no error. */
export async function removeCluster(docker: Docker, cluster: string): Promise<void> {
  // 404: gone; 409: somebody else is removing it.
  const gone = { except: [404, 409] };
  const containers = await listContainers(docker, cluster);
  await Promise.all(
    containers.map(({ Id, Names }) => {
      const container = docker.container.getById(Id);
      return ask(`removing ${Names[0]?.slice(1)}`, () => container.remove({ force: true, v: true }), gone);
    }),
  );
  for (const { Id, Name } of await listNetworks(docker, cluster)) {
    await ask(`removing network ${Name}`, () => docker.network.getById(Id).remove(), { except: [404] });
  }
}

/** Names of all clusters that this Docker engine holds. */
export async function clusterNames(): Promise<string[]> {
  const containers = await listContainers(await connectDocker());
  return [...new Set(containers.map(({ Labels }) => Labels[labels.cluster] ?? ''))].sort();
}

async function listContainers(docker: Docker, cluster?: string) {
  const engine = docker.container.dockerode;
  const filters = labelFilter(cluster);
  return (await ask('listing containers', () => engine.listContainers({ all: true, filters }))) ?? [];
}

async function listNetworks(docker: Docker, cluster?: string) {
  const engine = docker.container.dockerode;
  const filters = labelFilter(cluster);
  return (await ask('listing networks', () => engine.listNetworks({ filters }))) ?? [];
}
