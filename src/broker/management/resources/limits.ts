// Lists, sets and deletes limits of virtual hosts (https://www.rabbitmq.com/docs/vhosts#limits).

import type { VirtualHost } from '../../vhost/vhost.ts';
import { assertKeys } from '../body.ts';
import type { JsonObject } from '../json.ts';
import { validationFailed } from '../refusal.ts';
import { type ApiResponse, type Call, list, noContent, type Route, vhostOf, vhostsOf } from '../route.ts';

const role = 'administrator';
const one = '/vhost-limits/:vhost/:limit';
const names = ['max-connections', 'max-queues'];

export const limitRoutes: readonly Route[] = [
  { method: 'GET', path: '/vhost-limits', handle: limits },
  { method: 'GET', path: '/vhost-limits/:vhost', handle: limits },
  { method: 'PUT', path: one, role, handle: putLimit },
  { method: 'DELETE', path: one, role, handle: deleteLimit },
];

/** Replaces the limits of a virtual host. Throws 400 for an unknown limit, and for a value that is not an integer. */
export function setLimits(vhost: VirtualHost, limits: JsonObject): void {
  const checked: Record<string, number> = {};
  for (const [name, value] of Object.entries(limits)) {
    if (!names.includes(name))
      throw validationFailed(`Unrecognised terms [{<<"${name}">>,${JSON.stringify(value)}}] in limits`);
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      throw validationFailed(`${name} should be a number, actually was ${JSON.stringify(value)}`);
    }
    checked[name] = value;
  }
  vhost.setMetadata({ ...vhost.metadata, limits: checked });
}

function limits(call: Call): ApiResponse {
  const limited = vhostsOf(call).filter(({ metadata }) => Object.keys(metadata.limits).length > 0);
  return list(limited.map(({ name, metadata }) => ({ vhost: name, value: metadata.limits })));
}

function putLimit(call: Call): ApiResponse {
  assertKeys(call.body, ['value']);
  const vhost = vhostOf(call);
  setLimits(vhost, { ...vhost.metadata.limits, [call.param('limit')]: call.body['value'] });
  return noContent;
}

function deleteLimit(call: Call): ApiResponse {
  const vhost = vhostOf(call);
  const { [call.param('limit')]: _, ...rest } = vhost.metadata.limits;
  setLimits(vhost, rest);
  return noContent;
}
