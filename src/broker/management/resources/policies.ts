// Lists, sets and deletes policies and operator policies.

import { loadPatterns } from '../../patterns.ts';
import { type Policy, type PolicyDefinition, type PolicyKind, policyProblem } from '../../queue/policies.ts';
import type { VirtualHost } from '../../vhost/vhost.ts';
import { assertKeys, textOf } from '../body.ts';
import type { JsonObject } from '../json.ts';
import { notFound, validationFailed } from '../refusal.ts';
import { type ApiResponse, type Call, list, noContent, ok, put, type Route, vhostOf, vhostsOf } from '../route.ts';

export const policyRoutes: readonly Route[] = [
  ...routesOf('/policies', 'policy', 'policymaker'),
  ...routesOf('/operator-policies', 'operator_policy', 'administrator'),
];

function routesOf(path: string, kind: PolicyKind, role: 'policymaker' | 'administrator'): Route[] {
  const one = `${path}/:vhost/:policy`;
  const all = (call: Call) =>
    list(
      vhostsOf(call).flatMap((vhost) => policiesIn(vhost, kind)),
      ['vhost', 'priority'],
    );
  return [
    { method: 'GET', path, handle: all },
    { method: 'GET', path: `${path}/:vhost`, handle: all },
    { method: 'GET', path: one, handle: (call) => ok(policyItem(vhostOf(call), policyOf(call, kind))) },
    { method: 'PUT', path: one, role, handle: (call) => putPolicy(call, kind) },
    { method: 'DELETE', path: one, role, handle: (call) => deletePolicy(call, kind) },
  ];
}

export function policiesIn(vhost: VirtualHost, kind: PolicyKind): Record<string, unknown>[] {
  return vhost.policies.all(kind).map((policy) => policyItem(vhost, policy));
}

/** Sets a policy. `priority` defaults to 0, and `apply-to` to `all`, as in RabbitMQ. Throws 400 if the policy is invalid. */
export async function setPolicy(vhost: VirtualHost, kind: PolicyKind, name: string, body: JsonObject): Promise<void> {
  assertKeys(body, ['pattern', 'definition']);
  const { definition, priority = 0 } = body;
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) {
    throw validationFailed('definition should be a map');
  }
  if (typeof priority !== 'number')
    throw validationFailed(`priority should be a number, actually was ${JSON.stringify(priority)}`);
  const policy: Policy = {
    name,
    pattern: textOf(body, 'pattern'),
    applyTo: textOf(body, 'apply-to', 'all'),
    priority,
    // A cast, because `policyProblem` checks the values below.
    definition: definition as PolicyDefinition,
  };
  await loadPatterns([policy.pattern]);
  const problem = policyProblem(kind, policy);
  if (problem !== undefined) throw validationFailed(problem);
  vhost.setPolicy(kind, policy);
}

function policyItem(vhost: VirtualHost, { name, pattern, applyTo, priority, definition }: Policy) {
  return { vhost: vhost.name, name, pattern, 'apply-to': applyTo, definition, priority };
}

function policyOf(call: Call, kind: PolicyKind): Policy {
  const policy = vhostOf(call).policies.get(kind, call.param('policy'));
  if (policy === undefined) throw notFound();
  return policy;
}

async function putPolicy(call: Call, kind: PolicyKind): Promise<ApiResponse> {
  const vhost = call.broker.vhosts.get(call.param('vhost'));
  if (vhost === undefined) throw notFound('not_found', 'vhost_not_found');
  const name = call.param('policy');
  const isNew = vhost.policies.get(kind, name) === undefined;
  await setPolicy(vhost, kind, name, call.body);
  return put(isNew);
}

function deletePolicy(call: Call, kind: PolicyKind): ApiResponse {
  vhostOf(call).removePolicy(kind, policyOf(call, kind).name);
  return noContent;
}
