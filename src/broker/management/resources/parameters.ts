// Runtime parameters (https://www.rabbitmq.com/docs/parameters). RabbitMQ keeps policies, operator policies, and limits of
// virtual hosts as parameters, so two paths return the same objects.

import type { VirtualHost } from '../../vhost/vhost.ts';
import { assertKeys, nameOf, objectField, textOf } from '../body.ts';
import type { JsonObject } from '../json.ts';
import { badRequest, notFound, validationFailed } from '../refusal.ts';
import { type ApiResponse, type Call, list, noContent, ok, put, type Route, vhostOf, vhostsOf } from '../route.ts';
import { setLimits } from './limits.ts';
import { policiesIn, setPolicy } from './policies.ts';

interface Parameter {
  readonly component: string;
  readonly vhost: string;
  readonly name: string;
  readonly value: JsonObject;
}

const role = 'policymaker';
const one = '/parameters/:component/:vhost/:name';

export const parameterRoutes: readonly Route[] = [
  // RabbitMQ lists policies only under their own component.
  { method: 'GET', path: '/parameters', role, handle: (call) => list(vhostsOf(call).flatMap(parametersIn)) },
  { method: 'GET', path: '/parameters/:component', role, handle: listComponent },
  { method: 'GET', path: '/parameters/:component/:vhost', role, handle: listComponent },
  { method: 'GET', path: one, role, handle: (call) => ok(parameterOf(call)) },
  { method: 'PUT', path: one, role, handle: putParameter },
  { method: 'DELETE', path: one, role, handle: deleteParameter },
];

/** Returns the operator policies and limits. */
export function parametersIn(vhost: VirtualHost): Parameter[] {
  const operator = policyParameters(vhost, 'operator_policy');
  const { limits } = vhost.metadata;
  if (Object.keys(limits).length === 0) return operator;
  return [...operator, { component: 'vhost-limits', vhost: vhost.name, name: 'limits', value: limits }];
}

/** Sets a parameter from a definition file or a request. Throws 400 if it is invalid. */
export async function setParameter(vhost: VirtualHost, item: JsonObject): Promise<void> {
  const component = textOf(item, 'component');
  const name = nameOf(item, 'name');
  const value = objectField(item, 'value');
  if (component === 'operator_policy') return setPolicy(vhost, component, name, value);
  if (component !== 'vhost-limits') throw validationFailed(`component ${component} not found`);
  // RabbitMQ accepts any name, but its own tools set only this one.
  if (name !== 'limits') throw badRequest(`the only parameter of ${component} is limits`);
  setLimits(vhost, value);
}

function policyParameters(vhost: VirtualHost, component: 'policy' | 'operator_policy'): Parameter[] {
  return policiesIn(vhost, component).map(({ vhost: _, name, ...value }) => ({
    component,
    vhost: vhost.name,
    name: String(name),
    value,
  }));
}

function inComponent(call: Call, vhost: VirtualHost): Parameter[] {
  const component = call.param('component');
  if (component === 'policy') return policyParameters(vhost, component);
  return parametersIn(vhost).filter((parameter) => parameter.component === component);
}

function listComponent(call: Call): ApiResponse {
  return list(vhostsOf(call).flatMap((vhost) => inComponent(call, vhost)));
}

function findParameter(call: Call): Parameter | undefined {
  return inComponent(call, vhostOf(call)).find(({ name }) => name === call.param('name'));
}

function parameterOf(call: Call): Parameter {
  const parameter = findParameter(call);
  if (parameter === undefined) throw notFound();
  return parameter;
}

async function putParameter(call: Call): Promise<ApiResponse> {
  assertNotPolicy(call);
  assertKeys(call.body, ['value']);
  const isNew = findParameter(call) === undefined;
  const [component, name] = [call.param('component'), call.param('name')];
  await setParameter(vhostOf(call), { component, name, value: call.body['value'] });
  return put(isNew);
}

function deleteParameter(call: Call): ApiResponse {
  const { component, name } = parameterOf(call);
  assertNotPolicy(call);
  if (component === 'operator_policy') vhostOf(call).removePolicy(component, name);
  else setLimits(vhostOf(call), {});
  return noContent;
}

function assertNotPolicy(call: Call): void {
  if (call.param('component') === 'policy') throw badRequest('policies may not be set using this method');
}
