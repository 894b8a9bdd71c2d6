// Policies and operator policies.

import { loadPatterns } from '../../patterns.ts';
import { type Policy, type PolicyDefinition, type PolicyKind, policyProblem } from '../../queue/policies.ts';
import type { VirtualHost } from '../../vhost/vhost.ts';
import { assertKeys, textOf } from '../body.ts';
import { badRequest, notFound } from '../refusal.ts';
import { type Answer, type Call, list, noContent, ok, put, type Route, vhostOf, vhostsOf } from '../route.ts';

type Body = Readonly<Record<string, unknown>>;

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

/** RabbitMQ: without a priority it is 0, and without `apply-to` all. Throws 400. */
export async function setPolicy(vhost: VirtualHost, kind: PolicyKind, name: string, body: Body): Promise<void> {
  assertKeys(body, ['pattern', 'definition']);
  const { definition, priority = 0 } = body;
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) {
    throw invalid('definition should be a map');
  }
  if (typeof priority !== 'number')
    throw invalid(`priority should be a number, actually was ${JSON.stringify(priority)}`);
  const policy: Policy = {
    name,
    pattern: textOf(body, 'pattern'),
    applyTo: textOf(body, 'apply-to', 'all'),
    priority,
    definition: definition as PolicyDefinition,
  };
  await loadPatterns([policy.pattern]);
  const problem = policyProblem(kind, policy);
  if (problem !== undefined) throw invalid(problem);
  vhost.setPolicy(kind, policy);
}

const invalid = (problem: string) => badRequest(`Validation failed\n\n${problem}\n`);

function policyItem(vhost: VirtualHost, { name, pattern, applyTo, priority, definition }: Policy) {
  return { vhost: vhost.name, name, pattern, 'apply-to': applyTo, definition, priority };
}

function policyOf(call: Call, kind: PolicyKind): Policy {
  const policy = vhostOf(call).policies.get(kind, call.param('policy'));
  if (policy === undefined) throw notFound();
  return policy;
}

async function putPolicy(call: Call, kind: PolicyKind): Promise<Answer> {
  const vhost = call.broker.vhosts.get(call.param('vhost'));
  if (vhost === undefined) throw notFound('not_found', 'vhost_not_found');
  const name = call.param('policy');
  const isNew = vhost.policies.get(kind, name) === undefined;
  await setPolicy(vhost, kind, name, call.body);
  return put(isNew);
}

function deletePolicy(call: Call, kind: PolicyKind): Answer {
  vhostOf(call).removePolicy(kind, policyOf(call, kind).name);
  return noContent;
}
