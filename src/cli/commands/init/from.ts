// Writes a rascal.json from the topology of a broker or of exported definitions, for mq init --from.

import { endpointOf } from '../../../config/endpoint.ts';
import type { Plain } from '../../../config/plain.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import type { Topology } from '../../../topology/topology.ts';
import type { Values } from '../../arguments/values.ts';
import { addressesIn } from '../../input/addresses.ts';
import { findManagement } from '../../input/management.ts';
import { readDefinitions, readVhost } from '../../input/topology.ts';

/** Reports whether the value of --from is an address, and not the name of a file. */
export function isAddress(source: string): boolean {
  return /^amqps?:\/\//i.test(source);
}

interface Written {
  /** Content of a rascal.json. It contains no address, because that may contain a password. */
  readonly content: Plain;
  /** The file, or the address without user and password. */
  readonly from: string;
}

/** Returns the rascal.json of a source. */
export async function contentFrom(context: Context, values: Values, source: string): Promise<Written> {
  return isAddress(source) ? contentOfBroker(context, values, source) : contentOfFile(context, source);
}

async function contentOfBroker(context: Context, values: Values, source: string): Promise<Written> {
  const connections = await addressesIn(context, { text: source, from: '--from' });
  const [first = {}] = connections;
  const { vhost = '/', protocol = 'amqp' } = first;
  const { api } = await findManagement(context, values, { connections });
  try {
    const content = await contentOf([[vhost, await readVhost(api, vhost)]]);
    return { content, from: `${protocol}://${endpointOf(first)}` };
  } finally {
    api.close();
  }
}

async function contentOfFile(context: Context, file: string): Promise<Written> {
  const { exportedTopology, exportedVhosts } = await import('../../../topology/live.ts');
  const definitions = await readDefinitions(context, file);
  const vhosts = exportedVhosts(definitions).flatMap((name) => {
    const topology = exportedTopology(definitions, name);
    return topology === undefined ? [] : [[name, topology] as const];
  });
  if (vhosts.length === 0) throw new MqError('BAD_DATA', `${file} contains no vhost`, { at: file });
  return { content: await contentOf(vhosts), from: file };
}

async function contentOf(vhosts: readonly (readonly [name: string, topology: Topology])[]): Promise<Plain> {
  const { policiesConfiguration, vhostConfiguration } = await import('../../../topology/configuration.ts');
  const policies = vhosts.flatMap(([name, topology]) =>
    topology.policies.length === 0 ? [] : [[name, policiesConfiguration(topology)] as const],
  );
  return {
    vhosts: Object.fromEntries(vhosts.map(([name, topology]) => [name, vhostConfiguration(topology)])),
    ...(policies.length > 0 && { mq: { policies: Object.fromEntries(policies) } }),
  };
}
