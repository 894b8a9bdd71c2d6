// Health checks. The API has all checks of RabbitMQ, because a probe would treat 404 like the 503 of a failed check.

import { X509Certificate } from 'node:crypto';
import { time } from '../../../time.ts';
import type { JsonObject } from '../json.ts';
import { badRequest, notFound } from '../refusal.ts';
import { type ApiResponse, type Call, type Listener, ok, type Route, vhostOf } from '../route.ts';
import { nodeName } from './node.ts';

const role = 'monitoring';
const healthy = (): ApiResponse => ok({ status: 'ok' });

/** Checks that cannot fail, because one process serves all queues, vhosts and connections of the only node. */
const always = [
  'is-in-service',
  'ready-to-serve-clients',
  'virtual-hosts',
  'metadata-store/initialized',
  'metadata-store/initialized/with-data',
  'below-node-connection-limit',
  'quorum-queues-without-elected-leaders/all-vhosts',
  'quorum-queues-without-elected-leaders/all-vhosts/pattern/:pattern',
  'quorum-queues-without-elected-leaders/vhost/:name',
  'quorum-queues-without-elected-leaders/vhost/:name/pattern/:pattern',
];

export const healthRoutes: readonly Route[] = [
  { method: 'GET', path: '/aliveness-test/:vhost', handle: isAlive },
  { method: 'GET', path: '/healthchecks/node', role, handle: alarms },
  { method: 'GET', path: '/healthchecks/node/:node', role, handle: node },
  { method: 'GET', path: '/health/checks/alarms', role, handle: alarms },
  { method: 'GET', path: '/health/checks/local-alarms', role, handle: alarms },
  { method: 'GET', path: '/health/checks/port-listener/:port', role, handle: portListener },
  { method: 'GET', path: '/health/checks/protocol-listener/:protocols', role, handle: protocolListener },
  { method: 'GET', path: '/health/checks/certificate-expiration/:within/:unit', role, handle: certificateExpiration },
  {
    method: 'GET',
    path: '/health/checks/node-is-quorum-critical',
    role,
    handle: () => ok({ status: 'ok', reason: 'single node cluster' }),
  },
  ...always.map((check): Route => ({ method: 'GET', path: `/health/checks/${check}`, role, handle: healthy })),
];

function isAlive(call: Call): ApiResponse {
  vhostOf(call);
  return healthy();
}

function node(call: Call): ApiResponse {
  if (call.param('node') !== nodeName) throw notFound();
  return alarms(call);
}

function alarms({ broker }: Call): ApiResponse {
  if (!broker.memory.isHigh) return healthy();
  const reason = 'There are alarms in effect in the cluster';
  return failed(reason, { alarms: [{ node: nodeName, resource: 'memory' }] });
}

function portListener({ param, listeners }: Call): ApiResponse {
  if (!/^\d{1,9}$/.test(param('port'))) throw badRequest('Invalid port');
  const port = Number(param('port'));
  const ports = listeners.map((listener) => listener.port);
  return ports.includes(port) ? ok({ status: 'ok', port }) : failed('No active listener', { missing: port, ports });
}

/** Other names that RabbitMQ accepts for the protocols. */
const aliases: Readonly<Record<string, Listener['protocol']>> = {
  amqp091: 'amqp',
  'amqp0.9.1': 'amqp',
  'amqp0-9-1': 'amqp',
  amqps: 'amqp/ssl',
};

/** Checks the protocols of a comma-separated list, as RabbitMQ 4.3 does. */
function protocolListener({ param, listeners }: Call): ApiResponse {
  const required = param('protocols')
    .split(',')
    .map((name) => aliases[name.toLowerCase()] ?? name.toLowerCase());
  const protocols = listeners.map(({ protocol }) => protocol);
  const missing = required.filter((name) => !protocols.some((protocol) => protocol === name));
  return missing.length === 0 ? ok({ status: 'ok', protocols }) : failed('No active listener', { missing, protocols });
}

const unitDays: Readonly<Record<string, number>> = { day: 1, week: 7, month: 30, year: 365 };
const dayMs = 24 * 60 * 60 * 1000;

function certificateExpiration({ broker, param }: Call): ApiResponse {
  const days = unitDays[param('unit').toLowerCase().replace(/s$/, '')];
  if (days === undefined) {
    throw badRequest('Time unit not recognised. Supported units: days, weeks, months, years.');
  }
  if (!/^-?\d{1,9}$/.test(param('within'))) throw badRequest('Invalid expiration value.');
  if (broker.certificate === undefined) return healthy();
  const { validTo, subject } = new X509Certificate(broker.certificate);
  if (Date.parse(validTo) > time.date() + Number(param('within')) * days * dayMs) return healthy();
  return failed('Certificates expiring', { expired: [{ node: nodeName, subject, not_after: validTo }] });
}

function failed(reason: string, details: JsonObject): ApiResponse {
  return { status: 503, body: { status: 'failed', reason, ...details } };
}
