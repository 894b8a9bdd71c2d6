// Finds the vhosts of rascal.json on their brokers, and reads their topology from the management API or from a file.

import type { Management } from '../../../admin/client.ts';
import type { Config, ConnectionConfig } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import type { Topology } from '../../../topology/topology.ts';
import type { WantedTopology } from '../../../topology/wanted.ts';
import type { Values } from '../../arguments/values.ts';
import { brokerOf } from '../../input/broker.ts';
import { findManagement } from '../../input/management.ts';
import { readDefinitions, readVhost } from '../../input/topology.ts';

/** A vhost of a broker, and the vhosts of rascal.json that are declared there. */
export interface PlannedVhost {
  readonly vhost: string;
  readonly shown: string;
  readonly connections: readonly ConnectionConfig[];
  readonly config: Config;
  /** Names in rascal.json. There are several if the address of --url names a vhost. */
  readonly names: readonly [string, ...string[]];
}

export interface FoundVhost {
  readonly vhost: string;
  readonly shown: string;
  /** Name of the vhost in rascal.json. If there are several, the first one. */
  readonly name: string;
  readonly names: readonly string[];
  /** Addresses of the broker. Each contains the vhost. */
  readonly connections: readonly ConnectionConfig[];
  readonly wanted: WantedTopology;
  readonly topology: Topology;
}

/** Returns the vhosts on the broker. Throws CONFIG without a vhost, and for one whose names are unique in each run. */
export function vhostsOf(config: Config, addresses: readonly ConnectionConfig[] | undefined): PlannedVhost[] {
  if (Object.keys(config.vhosts).length === 0)
    throw new MqError('CONFIG', `${config.file ?? 'rascal.json'} defines no vhost, so there is nothing to compare`, {
      hint: 'define it, even if it is empty: "vhosts": {"/": {}}',
    });
  const unique = Object.entries(config.vhosts).find(([, { namespace }]) => namespace === true);
  if (unique !== undefined)
    throw new MqError('CONFIG', `the vhost '${unique[0]}' has other names in each run ("namespace": true)`, {
      hint: 'mq plan compares names: set a text as the namespace, or remove it',
    });
  const all = Object.keys(config.vhosts).map((name) => ({ name, ...brokerOf(config, name, addresses) }));
  const groups = Map.groupBy(all, ({ vhost, connections }) => JSON.stringify([vhost, connections]));
  return [...groups.values()].flatMap((group) => {
    const [first, ...more] = group;
    if (first === undefined) return [];
    const { vhost, shown } = first;
    const connections = first.connections.map((one) => ({ ...one, vhost }));
    return [{ vhost, shown, connections, config, names: [first.name, ...more.map(({ name }) => name)] }];
  });
}

/** Reads the vhosts one after the other. Throws TOPOLOGY if a vhost does not exist, and the errors of the API. */
export async function liveTopologies(
  context: Context,
  values: Values,
  vhosts: readonly PlannedVhost[],
): Promise<FoundVhost[]> {
  const defaultTypes = new Map<string, ReadonlyMap<string, string>>();
  const found: FoundVhost[] = [];
  for (const one of vhosts) {
    const { api } = await findManagement(context, values, { connections: one.connections });
    try {
      found.push(await liveVhost(api, one, defaultTypes));
    } finally {
      api.close();
    }
  }
  return found;
}

/** @param defaultTypes the default queue types of each API, because one request reads those of all vhosts */
async function liveVhost(
  api: Management,
  planned: PlannedVhost,
  defaultTypes: Map<string, ReadonlyMap<string, string>>,
): Promise<FoundVhost> {
  const [{ defaultQueueTypes }, { needsDefaultType }] = await Promise.all([
    import('../../../topology/live.ts'),
    import('../../../topology/compare.ts'),
  ]);
  const { vhost } = planned;
  const wanted = await wantedIn(planned);
  const topology = await readVhost(api, vhost, { hasOperatorPolicies: wanted.operatorPolicies.length > 0 });
  const found = { ...placeOf(planned), wanted, topology };
  if (!needsDefaultType(wanted, topology)) return found;
  const key = `${api.user}@${api.origin}`;
  const types = defaultTypes.get(key) ?? defaultQueueTypes(await api.request('GET', '/vhosts'));
  defaultTypes.set(key, types);
  const type = types.get(vhost);
  return { ...found, topology: { ...topology, ...(type !== undefined && { defaultQueueType: type }) } };
}

export function placeOf({ vhost, shown, connections, names }: PlannedVhost) {
  return { vhost, shown, connections, name: names[0], names };
}

/**
 * Reads the vhosts from exported definitions. Throws NO_INPUT, and BAD_DATA if the file is no export, lacks a vhost, or
 * does not show whether an internal exchange exists.
 */
export async function exportedTopologies(
  context: Context,
  vhosts: readonly PlannedVhost[],
  file: string,
): Promise<FoundVhost[]> {
  const { exportedTopology } = await import('../../../topology/live.ts');
  const definitions = await readDefinitions(context, file);
  const found: FoundVhost[] = [];
  for (const one of vhosts) {
    const topology = exportedTopology(definitions, one.vhost);
    if (topology === undefined)
      throw new MqError('BAD_DATA', `${file} does not contain the vhost '${one.vhost}'`, {
        at: file,
        hint: 'mq admin export definitions FILE exports all vhosts',
      });
    const wanted = await wantedIn(one);
    refuseHidden(wanted, topology, file);
    found.push({ ...placeOf(one), shown: file, wanted, topology });
  }
  return found;
}

/** RabbitMQ 4.3.6 exports no internal exchange, so a missing one may exist. */
function refuseHidden({ exchanges }: WantedTopology, topology: Topology, file: string): void {
  const names = new Set(topology.exchanges.map(({ name }) => name));
  const hidden = exchanges.find(({ name, internal }) => internal && !names.has(name));
  if (hidden === undefined || !topology.lacksInternal) return;
  throw new MqError('BAD_DATA', `${file} does not show whether the internal exchange '${hidden.name}' exists`, {
    at: file,
    hint: 'RabbitMQ does not export internal exchanges; mq plan without --against reads the broker',
  });
}

export async function wantedIn({ config, names }: PlannedVhost): Promise<WantedTopology> {
  const [{ mergedTopology }, { wantedTopology }] = await Promise.all([
    import('../../../topology/merge.ts'),
    import('../../../topology/wanted.ts'),
  ]);
  const [first, ...more] = names;
  const topologyOf = (name: string) => ({ name, wanted: wantedTopology(config, name) });
  return mergedTopology([topologyOf(first), ...more.map(topologyOf)]);
}
