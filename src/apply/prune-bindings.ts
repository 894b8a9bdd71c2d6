// Removes bindings through the management API, which identifies a binding exactly, whereas the number types of its
// arguments are lost over AMQP.

import { objectsIn } from '../admin/json.ts';
import { apiPath } from '../admin/path.ts';
import { refusal } from '../admin/refusal.ts';
import { bindingOf } from '../topology/live.ts';
import { bindingId, type TopologyBinding } from '../topology/topology.ts';
import type { Target } from './step.ts';

type Source = Pick<Target, 'api' | 'vhost'>;

/** Removes a binding. Does nothing if it does not exist. */
export async function removeBinding({ api, vhost }: Source, binding: TopologyBinding): Promise<void> {
  const ends = endsPath(vhost, binding);
  const listed = await api.ask('GET', ends);
  if (listed.status === 404) return;
  if (listed.status !== 200) throw refusal(listed, { method: 'GET', path: ends, api });
  const id = bindingId(binding);
  const same = objectsIn(listed.body).filter((one) => bindingId(bindingOf(one)) === id);
  for (const { properties_key: key } of same) {
    const path = `${ends}${apiPath`/${String(key)}`}`;
    const { status, body } = await api.ask('DELETE', path);
    if (status !== 404 && (status < 200 || status >= 300))
      throw refusal({ status, body }, { method: 'DELETE', path, api });
  }
}

function endsPath(vhost: string, { source, destination, destinationType }: TopologyBinding): string {
  const kind = destinationType === 'queue' ? 'q' : 'e';
  return `${apiPath`/bindings/${vhost}/e/${source}`}/${kind}/${apiPath`${destination}`}`;
}
