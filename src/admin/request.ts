// Builds the API path of an action and turns a 404 into a "not found" error.

import { escaped, MqError } from '../errors.ts';
import { nearest } from '../terminal/nearest.ts';
import { type Action, type Call, vhostOf } from './action.ts';
import type { Method } from './client.ts';
import type { ApiResponse } from './http.ts';
import { objectsIn } from './json.ts';
import { apiPath, encoded } from './path.ts';
import { refusal } from './refusal.ts';

/** Maximum length of a name in bytes. AMQP sends a name as a short string (AMQP 0-9-1 specification, 4.2.5.3). */
const longestName = 255;
/** RabbitMQ's name of the default exchange in paths. */
const defaultExchange = 'amq.default';
const methods = ['GET', 'PUT', 'POST', 'DELETE'] as const satisfies readonly Method[];
/** Arguments that name an exchange. */
const exchangeArguments = ['exchange', 'source'];

export function methodOf({ request }: Action): Method {
  const [method] = methods.filter((one) => request.startsWith(`${one} `));
  return method ?? 'GET';
}

/** Returns the path of the action with the values of the command line. Throws USAGE for an invalid name. */
export function pathOf(call: Call): string {
  const [, path = ''] = call.action.request.split(' ');
  return path.replaceAll(/:([a-z-]+)/g, (_, name: string) => encoded(partOf(call, name)));
}

function partOf(call: Call, name: string): string {
  const value = name === 'vhost' && !isArgument(call.action, name) ? vhostOf(call) : call.arg(name);
  if (value === '' && exchangeArguments.includes(name)) return defaultExchange;
  if (value === '') throw call.usage(`the ${name} is empty`);
  // RabbitMQ: a declaration removes line breaks from the name, so the object would have another name.
  if (methodOf(call.action) === 'PUT' && ['queue', 'exchange'].includes(name) && /[\r\n]/.test(value))
    throw call.usage(`the name of the ${name} contains a line break, which RabbitMQ removes`);
  // The name of a connection or channel is never sent over AMQP, so it may be longer.
  const bytes = Buffer.byteLength(value);
  if (bytes > longestName && name !== 'connection' && name !== 'channel')
    throw call.usage(`the name of the ${name} has ${bytes} bytes; AMQP allows ${longestName}`);
  return value;
}

function isArgument({ args = [] }: Action, name: string): boolean {
  return args.some((one) => one.name === name);
}

/**
 * Sends the request of the action. `method` and `path` override those of the action. Throws the errors of
 * `Management.request`. For a 404, the error names the missing object.
 */
export async function sendAction(
  call: Call,
  { method = methodOf(call.action), path = pathOf(call), body, headers }: RequestParts = {},
): Promise<ApiResponse> {
  const answer = await call.api.ask(method, path, body, headers);
  if (answer.status >= 200 && answer.status < 300) return answer;
  if (answer.status === 404) throw await notFoundError(call);
  throw refusal(answer, { method, path, api: call.api });
}

interface RequestParts {
  readonly method?: Method;
  readonly path?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Returns the error for a 404. The broker answers only `Not Found`, so this function finds out which object is missing.
 */
export async function notFoundError(call: Call): Promise<MqError> {
  const { action } = call;
  const vhost = vhostOf(call);
  const missing =
    (action.isInVhost && (await missingOf(call, { kind: 'vhost', name: vhost, list: '/vhosts' }))) ||
    (isArgument(action, 'user') && (await missingOf(call, { kind: 'user', name: call.arg('user'), list: '/users' })));
  if (missing) return missing;
  if (action.args === undefined)
    return new MqError('BAD_DATA', `the management API at ${call.api.origin} has no ${action.noun ?? action.verb}`);
  const names = action.args.map(({ name }) => call.arg(name));
  const name = names[action.request.includes(':component') ? 1 : 0] ?? '';
  const where = action.isInVhost ? ` in vhost '${vhost}'` : '';
  const list = listOf(action, vhost);
  const near = list === undefined ? undefined : await nearName(call, list, name);
  const what = `there is no ${action.noun ?? action.verb} '${name}'${where}`;
  return new MqError('BAD_DATA', what, near === undefined ? {} : { hint: `did you mean '${near}'?` });
}

/**
 * Returns the error for a vhost or user that does not exist. Returns `undefined` if it exists, or if the API does not
 * allow this login to check it.
 */
async function missingOf(
  call: Call,
  { kind, name, list }: { kind: string; name: string; list: string },
): Promise<MqError | undefined> {
  const { status } = await call.api.ask('GET', list + apiPath`/${name}`);
  if (status !== 404) return undefined;
  const near = await nearName(call, `${list}?columns=name`, name);
  const hint = near === undefined ? `mq admin list ${kind}s` : `did you mean '${near}'?`;
  // A check has the status of mq top and mq check --live, because all of them run in monitors.
  const code = call.action.verb === 'check' && kind === 'vhost' ? 'TOPOLOGY' : 'BAD_DATA';
  return new MqError(code, `there is no ${kind} '${name}'`, { hint });
}

/** Returns the path of the list that contains the object: `/queues/:vhost` for `/queues/:vhost/:queue`. */
function listOf({ request }: Action, vhost: string): string | undefined {
  const [, path = ''] = request.split(' ');
  const list = /^(\/[a-z-]+(?:\/:vhost)?)(?:\/:[a-z-]+(?:\/contents|\/enable)?)?$/.exec(path)?.[1];
  return list && `${list.replace(':vhost', () => encoded(vhost))}?columns=name`;
}

/** Returns a similar name, or `undefined` if no name is similar or this login may not read the list. */
async function nearName({ api }: Call, path: string, typed: string): Promise<string | undefined> {
  const { status, body } = await api.ask('GET', path);
  if (status !== 200 || !Array.isArray(body)) return undefined;
  const names = objectsIn(body).flatMap(({ name }) => (typeof name === 'string' && name !== '' ? [name] : []));
  return nearest(typed, names);
}

/** Returns ` in vhost shop` for a line of output, or an empty string for an action that has no vhost. */
export function inVhost(call: Call): string {
  return call.action.isInVhost ? ` in vhost ${escaped(vhostOf(call))}` : '';
}
