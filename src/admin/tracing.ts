// Reads and changes the tracing of a vhost (RabbitMQ's firehose). A PUT removes the values of a vhost that it does not
// contain, so all current values are sent back.

import type { Management } from './client.ts';
import { type ApiObject, objectIn } from './json.ts';
import { apiPath } from './path.ts';

/** Returns the values of a vhost, in an answer of the API, that a PUT must contain to keep them. */
export function metadataToKeep(vhost: unknown): ApiObject {
  const { description, tags, default_queue_type } = objectIn(vhost);
  return {
    ...(typeof description === 'string' && { description }),
    ...(Array.isArray(tags) && { tags: tags.join(',') }),
    ...(typeof default_queue_type === 'string' && { default_queue_type }),
  };
}

/** Reports whether the node of the API traces a vhost. Throws the errors of Management.request. */
export async function isTracing(api: Management, vhost: string): Promise<boolean> {
  return objectIn(await api.request('GET', apiPath`/vhosts/${vhost}`))['tracing'] === true;
}

/**
 * Switches the tracing of a vhost on or off at the node of the API. Returns `false` if it was in this state before.
 * Throws the errors of Management.request.
 */
export async function setTracing(api: Management, vhost: string, isOn: boolean): Promise<boolean> {
  const path = apiPath`/vhosts/${vhost}`;
  const current = await api.request('GET', path);
  if (objectIn(current)['tracing'] === isOn) return false;
  await api.request('PUT', path, { ...metadataToKeep(current), tracing: isOn });
  return true;
}
