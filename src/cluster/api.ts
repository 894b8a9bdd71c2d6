// Sends requests to one node's management API as the cluster's own user.

import { MqError } from '../errors.ts';
import type { ClusterNode } from './node.ts';

/** Returns the answer of GET /api/<path>. Throws UNAVAILABLE for a status other than 2xx or `also`. */
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
