// Actions for health checks of the broker. For each check, the API has a path that answers 200 or 503.

import { objectOf } from '../../config/plain.ts';
import { MqError } from '../../errors.ts';
import type { Action, Argument, Call, Result } from '../action.ts';
import { columnsOf } from '../columns.ts';
import type { ApiResponse } from '../http.ts';
import type { ApiObject } from '../json.ts';
import { refusal } from '../refusal.ts';
import { pathOf } from '../request.ts';

interface Check {
  readonly name: string;
  readonly summary: string;
  readonly details?: string;
  readonly args?: readonly Argument[];
  readonly path: `/${string}`;
}

const checks: readonly Check[] = [
  { name: 'alarms', summary: 'fail if a node has a memory or disk alarm', path: '/health/checks/alarms' },
  { name: 'local-alarms', summary: 'fail if the node that answers has an alarm', path: '/health/checks/local-alarms' },
  {
    name: 'virtual-hosts',
    summary: 'fail if a vhost does not run on the node that answers',
    path: '/health/checks/virtual-hosts',
  },
  {
    name: 'quorum-critical',
    summary: 'fail if quorum queues need the node for their majority',
    details: 'Checks the node that answers the request.',
    path: '/health/checks/node-is-quorum-critical',
  },
  {
    name: 'ready-to-serve-clients',
    summary: 'fail if the node accepts no clients',
    details: 'Requires RabbitMQ 4.1. Checks the node that answers the request.',
    path: '/health/checks/ready-to-serve-clients',
  },
  {
    name: 'in-service',
    summary: 'fail if the node is in maintenance mode',
    details: 'Requires RabbitMQ 4.1. Checks the node that answers the request.',
    path: '/health/checks/is-in-service',
  },
  {
    name: 'port-listener',
    summary: 'fail if there is no listener on the port',
    args: [{ name: 'port' }],
    path: '/health/checks/port-listener/:port',
  },
  {
    name: 'protocol-listener',
    summary: 'fail if there is no listener for a protocol',
    details: 'Protocols are amqp, amqp/ssl, stomp, mqtt and others.',
    args: [{ name: 'protocol' }],
    path: '/health/checks/protocol-listener/:protocol',
  },
  {
    name: 'certificate-expiration',
    summary: 'fail if a certificate expires within a time',
    details: 'The unit is days, weeks, months or years.',
    args: [{ name: 'within' }, { name: 'unit' }],
    path: '/health/checks/certificate-expiration/:within/:unit',
  },
];

const checksWithoutArguments = checks.filter(({ args }) => args === undefined);

const defaultColumns = ['check', 'ok', 'reason'];

export const healthActions: readonly Action[] = [
  {
    verb: 'check',
    noun: 'health',
    summary: 'run all checks that need no argument',
    details: 'Exits with 1 if a check fails.',
    request: 'GET /health/checks/…',
    run: checkAll,
  },
  ...checks.map(({ name, path, ...row }): Action => {
    return { verb: 'check', noun: name, ...row, request: `GET ${path}`, run: checkOne };
  }),
];

async function checkAll(call: Call): Promise<Result> {
  const columns = columnsOf(call) ?? defaultColumns;
  const answers = await Promise.all(
    checksWithoutArguments.map(async ({ name, path }) => verdictOf(name, path, await call.api.ask('GET', path), call)),
  );
  const items = answers.filter((item) => item !== undefined);
  if (items.length === 0) throw new MqError('BAD_DATA', 'this broker has no health checks');
  const status = items.every(({ ok }) => ok === true) ? 0 : 1;
  return { kind: 'items', columns, items, status };
}

async function checkOne(call: Call): Promise<Result> {
  const columns = columnsOf(call) ?? defaultColumns;
  const path = pathOf(call);
  const item = verdictOf(call.action.noun ?? '', path, await call.api.ask('GET', path), call);
  if (item === undefined) throw new MqError('BAD_DATA', `this broker has no check '${call.action.noun}'`);
  return { kind: 'items', columns, items: [item], status: item['ok'] === true ? 0 : 1 };
}

/** Returns the result of a check, or `undefined` if this RabbitMQ version does not have the check. */
function verdictOf(check: string, path: string, answer: ApiResponse, { api }: Call): ApiObject | undefined {
  const { status, body } = answer;
  if (status === 404) return undefined;
  const { status: word, reason, ...details } = objectOf(body);
  if (status === 200 || (status === 503 && word === 'failed'))
    return { check, ok: status === 200, ...(reason !== undefined && { reason }), ...(status !== 200 && details) };
  // Any other answer is not the result of a check, for example 401, 400 for an invalid port, or 502 from a proxy.
  throw refusal(answer, { method: 'GET', path, api });
}
