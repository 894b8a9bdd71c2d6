// Sends requests to one node's management API as the cluster's own user, and narrows the answers.

import { isObject, type Plain } from '../config/plain.ts';
import { MqError } from '../errors.ts';
import type { ClusterNode } from './node.ts';

/**
 * Returns the answer of GET /api/<path>. Throws UNAVAILABLE for a status that is neither 2xx nor in `also`, and the
 * errors of fetch.
 */
export async function askNode(
  node: ClusterNode,
  path: string,
  signal: AbortSignal,
  { also = [] }: { also?: readonly number[] } = {},
): Promise<unknown> {
  const { origin } = new URL(node.managementUrl);
  const authorization = `Basic ${Buffer.from(`${node.user}:${node.password}`).toString('base64')}`;
  const response = await fetch(`${origin}/api/${path}`, { headers: { authorization }, signal });
  if (!response.ok && !also.includes(response.status))
    throw new MqError('UNAVAILABLE', `node ${node.host} answers ${response.status} to /api/${path}`);
  return response.json();
}

/**
 * Returns a list of objects. Throws the errors of `askNode`, and PROTOCOL for an answer that is not a list of objects.
 */
export async function listFromNode(node: ClusterNode, path: string, signal: AbortSignal): Promise<readonly Plain[]> {
  const answer = await askNode(node, path, signal);
  if (Array.isArray(answer) && answer.every(isObject)) return answer;
  throw new MqError('PROTOCOL', `the answer of node ${node.host} to /api/${path} is not a list`);
}

/** Returns the texts of a list, or `undefined` for any other value. */
export function textsIn(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : undefined;
}
