// Limits of virtual hosts (https://www.rabbitmq.com/docs/vhosts#limits).

import type { VirtualHost } from '../../vhost/vhost.ts';
import { assertKeys } from '../body.ts';
import { badRequest } from '../refusal.ts';
import { type Answer, type Call, list, noContent, type Route, vhostOf, vhostsOf } from '../route.ts';

const role = 'administrator';
const one = '/vhost-limits/:vhost/:limit';
const names = ['max-connections', 'max-queues'];

export const limitRoutes: readonly Route[] = [
  { method: 'GET', path: '/vhost-limits', handle: limits },
  { method: 'GET', path: '/vhost-limits/:vhost', handle: limits },
  { method: 'PUT', path: one, role, handle: putLimit },
  { method: 'DELETE', path: one, role, handle: deleteLimit },
];

/** Throws 400 for a limit that there is not, and for a value that is not a whole number. */
export function setLimits(vhost: VirtualHost, limits: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(limits)) {
    const problem = !names.includes(name)
      ? `Unrecognised terms [{<<"${name}">>,${JSON.stringify(value)}}] in limits`
      : Number.isSafeInteger(value)
        ? undefined
        : `${name} should be a number, actually was ${JSON.stringify(value)}`;
    if (problem !== undefined) throw badRequest(`Validation failed\n\n${problem}\n`);
  }
  vhost.setMetadata({ ...vhost.metadata, limits: limits as Readonly<Record<string, number>> });
}

function limits(call: Call): Answer {
  const limited = vhostsOf(call).filter(({ metadata }) => Object.keys(metadata.limits).length > 0);
  return list(limited.map(({ name, metadata }) => ({ vhost: name, value: metadata.limits })));
}

function putLimit(call: Call): Answer {
  assertKeys(call.body, ['value']);
  const vhost = vhostOf(call);
  setLimits(vhost, { ...vhost.metadata.limits, [call.param('limit')]: call.body['value'] });
  return noContent;
}

function deleteLimit(call: Call): Answer {
  const vhost = vhostOf(call);
  const { [call.param('limit')]: _, ...rest } = vhost.metadata.limits;
  setLimits(vhost, rest);
  return noContent;
}
