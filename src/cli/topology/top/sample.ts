// Reads the queues of a broker for mq top: statistics, and the exact counts of their messages.

import type { Depths } from '../../../admin/action.ts';
import type { Management } from '../../../admin/client.ts';
import type { ApiObject } from '../../../admin/json.ts';
import { noVhost } from '../../input/topology.ts';

/** Fields of the statistics. */
const columns = [
  ...['vhost', 'name', 'type', 'state', 'consumers', 'memory', 'messages'],
  ...['messages_ready', 'messages_unacknowledged'],
  ...['publish', 'ack', 'deliver_no_ack', 'get_no_ack'].map((counter) => `message_stats.${counter}`),
];

/** Reads the queues of a vhost, or of all vhosts, with two requests, and quorum queues also over AMQP. */
export async function readQueues(
  { api, depths }: { api: Management; depths: Depths | undefined },
  vhost: string | undefined,
): Promise<readonly ApiObject[]> {
  const [{ apiPath, query }, { objectsIn }, { refusal }, counts] = await Promise.all([
    import('../../../admin/path.ts'),
    import('../../../admin/json.ts'),
    import('../../../admin/refusal.ts'),
    import('../../../admin/depths.ts'),
  ]);
  const path = vhost === undefined ? '/queues' : apiPath`/queues/${vhost}`;
  const read = async (parameters: Parameters<typeof query>[0]) => {
    const request = path + query(parameters);
    const answer = await api.ask('GET', request);
    if (answer.status === 404 && vhost !== undefined) throw noVhost(api, vhost);
    if (answer.status !== 200) throw refusal(answer, { method: 'GET', path: request, api });
    return objectsIn(answer.body);
  };
  const [described, counted] = await Promise.all([
    read({ columns: columns.join(',') }),
    read({ ...counts.withoutStatistics, columns: counts.keyColumns.join(',') }),
  ]);
  return counts.withExactCounts({ depths }, counts.withCounts(described, counted), counted);
}
