// Names a broker for people, so that they do not mistake it for another one.

import { escaped } from '../errors.ts';
import type { Item } from './action.ts';
import type { Management } from './client.ts';
import { refusal } from './refusal.ts';

/** The name of the cluster; undefined if the broker has no such name. Throws what `Management.ask` throws, and refusals. */
export async function clusterNameOf(api: Management): Promise<string | undefined> {
  const path = '/cluster-name';
  const answer = await api.ask('GET', path);
  // Brokers other than RabbitMQ may not have it.
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw refusal(answer, { method: 'GET', path, api });
  const { name } = answer.body as Item;
  return typeof name === 'string' ? name : undefined;
}

/** `rabbit@host (http://host:15672)` */
export async function brokerName(api: Management): Promise<string> {
  const name = await clusterNameOf(api).catch(() => undefined);
  return name === undefined ? api.origin : `${escaped(name)} (${api.origin})`;
}
