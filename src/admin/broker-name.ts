// Reads the name of a broker, which messages contain so that users recognise the broker.

import { escaped } from '../errors.ts';
import type { Management } from './client.ts';
import { objectIn } from './json.ts';
import { refusal } from './refusal.ts';

/**
 * Returns the name of the cluster, or `undefined` if the broker has none. Throws the errors of `Management.request`.
 */
export async function clusterNameOf(api: Management): Promise<string | undefined> {
  const path = '/cluster-name';
  const answer = await api.ask('GET', path);
  // Brokers other than RabbitMQ may not have this path.
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw refusal(answer, { method: 'GET', path, api });
  const { name } = objectIn(answer.body);
  return typeof name === 'string' ? name : undefined;
}

/** Returns `rabbit@host (http://host:15672)`, or only the address if the broker reports no name. */
export async function brokerName(api: Management): Promise<string> {
  const name = await clusterNameOf(api).catch(() => undefined);
  return name === undefined ? api.origin : `${escaped(name)} (${api.origin})`;
}
