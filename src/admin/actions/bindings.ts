// Actions for bindings from an exchange to a queue or to another exchange.

import { objectOf } from '../../config/plain.ts';
import { MqError } from '../../errors.ts';
import { type Action, type Call, type Result, vhostOf } from '../action.ts';
import { argumentsOf } from '../arguments.ts';
import { changeResult, deleteQuestion } from '../change-action.ts';
import { columnsOf } from '../columns.ts';
import { type ApiObject, objectsIn } from '../json.ts';
import { listAction } from '../list-action.ts';
import { apiPath } from '../path.ts';
import { sendAction } from '../request.ts';

const args = [
  { name: 'source' },
  { name: 'destination' },
  { name: 'key', isOptional: true },
] as const satisfies Action['args'];
const path = '/bindings/:vhost/e/:source/q/:destination';
const columns = ['vhost', 'source', 'destination', 'destination_type', 'routing_key', 'arguments'];

export const bindingActions: readonly Action[] = [
  listAction({
    noun: 'bindings',
    summary: 'list bindings; the default exchange is bound to every queue',
    path: '/bindings',
    vhostPath: '/bindings/:vhost',
    columns,
  }),
  {
    verb: 'show',
    noun: 'binding',
    summary: 'show the bindings of an exchange to a queue or exchange',
    args,
    options: ['destination-type', 'headers'],
    isInVhost: true,
    request: `GET ${path}`,
    run: async (call) => {
      const shown = columnsOf(call) ?? columns;
      const items = await between(call, call.arg('key') === '' ? undefined : call.arg('key'));
      if (items.length === 0) throw noBinding(call);
      return { kind: 'items', columns: shown, items };
    },
  },
  {
    verb: 'create',
    noun: 'binding',
    summary: 'bind a queue or an exchange to an exchange',
    details: 'The binding has a routing key, or arguments for a headers exchange.',
    args,
    options: ['destination-type', 'argument'],
    isInVhost: true,
    request: `POST ${path}`,
    run: async (call) => {
      const body = { routing_key: call.arg('key'), arguments: argumentsOf(call) };
      await sendAction(call, { method: 'POST', path: endsPath(call), body });
      return resultOf(call, 'created');
    },
  },
  {
    verb: 'delete',
    noun: 'binding',
    summary: 'delete the binding with this routing key',
    details: 'If several bindings have the key, --argument selects one.',
    args,
    options: ['destination-type', 'argument', 'if-exists'],
    isInVhost: true,
    question: deleteQuestion(),
    request: `DELETE ${path}/:key`,
    run: deleteBinding,
  },
];

/** Returns the bindings of the source to the destination that have the key. If `key` is `undefined`, returns all. */
async function between(call: Call, key: string | undefined): Promise<readonly ApiObject[]> {
  const path = endsPath(call);
  // If the source or the destination does not exist, there are no bindings either.
  if (call.flag('if-exists') && (await call.api.ask('GET', path)).status === 404) return [];
  const { body } = await sendAction(call, { method: 'GET', path });
  const items = objectsIn(body);
  return key === undefined ? items : items.filter((item) => item['routing_key'] === key);
}

function endsPath(call: Call): string {
  const kind = typeOf(call) === 'queue' ? 'q' : 'e';
  const [source, destination] = [call.arg('source'), call.arg('destination')];
  if (destination === '' && kind === 'q') throw call.usage('the destination is empty');
  const [from, to] = [source || 'amq.default', destination || 'amq.default'];
  return `${apiPath`/bindings/${vhostOf(call)}/e/${from}`}/${kind}/${apiPath`${to}`}`;
}

function typeOf(call: Call): 'queue' | 'exchange' {
  const typed = call.text('destination-type') ?? 'queue';
  if (typed !== 'queue' && typed !== 'exchange')
    throw call.usage(`--destination-type must be queue or exchange, not '${typed}'`);
  return typed;
}

/** Deletes the binding with the key and the arguments. The API identifies a binding only by its `properties_key`. */
async function deleteBinding(call: Call): Promise<Result> {
  const found = await between(call, call.arg('key'));
  const wanted = JSON.stringify(sorted(argumentsOf(call)));
  const exact = found.filter((item) => JSON.stringify(sorted(item['arguments'])) === wanted);
  const matches = call.list('argument').length === 0 && exact.length === 0 ? found : exact;
  if (matches.length === 0 && call.flag('if-exists')) return resultOf(call, 'absent');
  if (matches.length === 0) throw noBinding(call);
  if (matches.length > 1)
    throw new MqError('USAGE', `${matches.length} bindings have this routing key`, {
      hint: 'select one with --argument NAME=VALUE; mq admin show binding shows them',
    });
  const key = String(matches[0]?.['properties_key']);
  await sendAction(call, { method: 'DELETE', path: endsPath(call) + apiPath`/${key}` });
  return resultOf(call, 'deleted');
}

function sorted(all: unknown): ApiObject {
  return Object.fromEntries(Object.entries(objectOf(all)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function resultOf(call: Call, outcome: string): Result {
  return changeResult(call, outcome, { destination_type: typeOf(call), what: endsOf(call) });
}

function noBinding(call: Call): MqError {
  return new MqError('BAD_DATA', `there is no binding ${endsOf(call)} in vhost '${vhostOf(call)}'`);
}

function endsOf(call: Call): string {
  const [source, destination, key] = [call.arg('source'), call.arg('destination'), call.arg('key')];
  return `from '${source}' to ${typeOf(call)} '${destination}'${key === '' ? '' : ` with key '${key}'`}`;
}
