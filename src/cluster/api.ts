// One node's management API, by HTTP and with the cluster's own user.

import { MqError } from '../errors.ts';
import type { ClusterNode } from './node.ts';

/** What GET /api/<path> of the node gives. Throws UNAVAILABLE for a status that is not 2xx or among `also`, else what fetch throws. */
export async function askNode<Answer>(
  node: ClusterNode,
  path: string,
  signal: AbortSignal,
  { also = [] }: { also?: readonly number[] } = {},
): Promise<Answer> {
  const { origin } = new URL(node.managementUrl);
  const authorization = `Basic ${Buffer.from(`${node.user}:${node.password}`).toString('base64')}`;
  const response = await fetch(`${origin}/api/${path}`, { headers: { authorization }, signal });
  if (!response.ok && !also.includes(response.status))
    throw new MqError('UNAVAILABLE', `node ${node.host} answers ${response.status} to /api/${path}`);
  return (await response.json()) as Answer;
}
