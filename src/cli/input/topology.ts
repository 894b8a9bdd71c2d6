// Reads the topology of a vhost from the management API, and exported definitions from a file.

import type { Management } from '../../admin/client.ts';
import { isObject, objectOf, type Plain } from '../../config/plain.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { Topology } from '../../topology/topology.ts';
import { readText } from './files.ts';

/** Limit for a file with definitions. */
const mostBytes = 256 * 1024 * 1024;

/** Reads a vhost with the requests of liveTopology. Throws TOPOLOGY if it does not exist, and the errors of the API. */
export async function readVhost(
  api: Management,
  vhost: string,
  options: { hasOperatorPolicies?: boolean; withRates?: boolean } = {},
): Promise<Topology> {
  const [{ apiPath, query }, { liveTopology }] = await Promise.all([
    import('../../admin/path.ts'),
    import('../../topology/live.ts'),
  ]);
  return liveTopology(
    (collection, columns) =>
      listIn(api, { path: `${apiPath`/${collection}/${vhost}`}${query({ columns: columns.join(',') })}`, vhost }),
    options,
  );
}

async function listIn(api: Management, { path, vhost }: { path: string; vhost: string }): Promise<unknown> {
  const { refusal } = await import('../../admin/refusal.ts');
  const answer = await api.ask('GET', path);
  if (answer.status === 404) throw noVhost(api, vhost);
  if (answer.status < 200 || answer.status >= 300) throw refusal(answer, { method: 'GET', path, api });
  return answer.body;
}

/** Returns the error for a vhost that does not exist, or that the user may not see. */
export function noVhost(api: Management, vhost: string): MqError {
  return new MqError(
    'TOPOLOGY',
    `there is no vhost '${vhost}' at ${api.origin}, or the user '${api.user}' may not use it`,
    {
      hint: `mq admin create vhost ${vhost}, or mq admin set permission ${api.user} '' '' '.*' --vhost ${vhost}`,
    },
  );
}

/** Reads exported definitions; `-` is standard input. Throws NO_INPUT, and BAD_DATA if the file is no export. */
export async function readDefinitions(context: Context, file: string): Promise<Plain> {
  const text = await readText(context, file, { maxBytes: mostBytes });
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new MqError('BAD_DATA', `${file} is not JSON`, { at: file, cause: error });
  }
  const lists = ['exchanges', 'queues', 'bindings'];
  if (isObject(value) && lists.every((name) => Array.isArray(objectOf(value)[name]))) return value;
  throw new MqError('BAD_DATA', `${file} has no exported definitions: it lacks the lists ${lists.join(', ')}`, {
    at: file,
    hint: 'mq admin export definitions FILE writes such a file',
  });
}
