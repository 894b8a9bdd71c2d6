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
interface PlannedVhost {
  readonly vhost: string;
  readonly shown: string;
  readonly connections: readonly ConnectionConfig[];
  readonly config: Config;
  /** Names in rascal.json. There are several if the address of --url names a vhost. */
  readonly names: readonly string[];
}

export interface FoundVhost {
  readonly vhost: string;
  readonly shown: string;
  /** Name of the vhost in rascal.json. If there are several, the first one. */
  readonly name: string;
  /** Addresses of the broker. Each contains the vhost. */
  readonly connections: readonly ConnectionConfig[];
  readonly wanted: WantedTopology;
  readonly topology: Topology;
}

/** Returns the vhosts on the broker. Throws CONFIG for a vhost whose names are unique in each run. */
export function vhostsOf(config: Config, addresses: readonly ConnectionConfig[] | undefined): PlannedVhost[] {
  const unique = Object.entries(config.vhosts).find(([, { namespace }]) => namespace === true);
  if (unique !== undefined)
    throw new MqError('CONFIG', `the vhost '${unique[0]}' has other names in each run ("namespace": true)`, {
      hint: 'mq plan compares names: set a text as the namespace, or remove it',
    });
  const all = Object.keys(config.vhosts).map((name) => ({ name, ...brokerOf(config, name, addresses) }));
  const groups = Map.groupBy(all, ({ vhost, connections }) => JSON.stringify([vhost, connections]));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { vhost, shown, connections } = first;
    return [
      { vhost, shown, connections: connections.map((one) => ({ ...one, vhost })), config, names: namesOf(group) },
    ];
  });
}

function namesOf(items: readonly { readonly name: string }[]): string[] {
  return items.map(({ name }) => name);
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

function placeOf({ vhost, shown, connections, names }: PlannedVhost) {
  return { vhost, shown, connections, name: names[0] ?? vhost };
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

async function wantedIn({ config, names }: PlannedVhost): Promise<WantedTopology> {
  const { wantedTopology } = await import('../../../topology/wanted.ts');
  const all = names.map((name) => wantedTopology(config, name));
  return {
    exchanges: all.flatMap(({ exchanges }) => exchanges),
    queues: all.flatMap(({ queues }) => queues),
    bindings: all.flatMap(({ bindings }) => bindings),
    policies: all.flatMap(({ policies }) => policies),
    operatorPolicies: all.flatMap(({ operatorPolicies }) => operatorPolicies),
  };
}
