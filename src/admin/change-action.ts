// Builds the actions that create, change or delete an object. A row of data describes each action.

import { escaped } from '../errors.ts';
import { type Action, type Argument, type Call, type Result, vhostOf } from './action.ts';
import type { Method } from './client.ts';
import type { ApiResponse } from './http.ts';
import type { ApiObject } from './json.ts';
import { query } from './path.ts';
import { reasonOf, refusal } from './refusal.ts';
import { inVhost, methodOf, notFoundError, pathOf } from './request.ts';

interface ChangeRow {
  readonly verb: string;
  readonly noun: string;
  readonly summary: string;
  readonly details?: string;
  readonly args: readonly Argument[];
  readonly options?: readonly string[];
  readonly isInVhost?: true;
  readonly request: `${Exclude<Method, 'GET'>} /${string}`;
  readonly body?: (call: Call) => unknown;
  readonly query?: (call: Call) => Parameters<typeof query>[0];
  readonly headers?: (call: Call) => Readonly<Record<string, string>>;
  /** Question that asks for consent. Every delete has one; see `deleteQuestion`. */
  readonly question?: Action['question'];
  /** Outcome of a PUT for an existing object (status 204). Defaults to `unchanged` for create, and to `set` for set. */
  readonly again?: string;
}

const participles: Readonly<Record<string, string>> = {
  create: 'created',
  set: 'set',
  delete: 'deleted',
  purge: 'purged',
  close: 'closed',
  enable: 'enabled',
};

/** Returns the action that sends the request of the row and reports its outcome. */
export function changeAction(row: ChangeRow): Action {
  const { verb, noun, summary, args, options = [], isInVhost, request, question } = row;
  return {
    verb,
    noun,
    summary,
    ...(row.details && { details: row.details }),
    args,
    options: verb === 'delete' ? [...options, 'if-exists'] : options,
    ...(isInVhost && { isInVhost }),
    ...(question && { question }),
    request,
    run: async (call) => {
      const path = pathOf(call) + query(row.query?.(call) ?? {});
      const method = methodOf(call.action);
      const answer = await call.api.ask(method, path, row.body?.(call), row.headers?.(call));
      if (answer.status === 404 && call.flag('if-exists')) return changeResult(call, 'absent');
      if (isAbsent(answer)) throw await notFoundError(call);
      if (answer.status >= 300) throw refusal(answer, { method, path, api: call.api });
      return changeResult(call, outcomeOf(row, answer.status));
    },
  };
}

/** Reports whether the object does not exist. RabbitMQ answers 400 for permissions of an unknown user or vhost. */
function isAbsent({ status, body }: ApiResponse): boolean {
  return status === 404 || (status === 400 && reasonOf(body) === 'vhost_or_user_not_found');
}

function outcomeOf({ verb, request, again }: ChangeRow, status: number): string {
  const did = participles[verb] ?? verb;
  if (!request.startsWith('PUT ') || status !== 204) return did;
  return again ?? (verb === 'create' ? 'unchanged' : did);
}

/** Returns the line `deleted queue orders in vhost /` and its object. `what` replaces the names in the line. */
export function changeResult(
  call: Call,
  outcome: string,
  { what, ...more }: ApiObject & { what?: string } = {},
): Result {
  const { verb, noun = '', isInVhost, args = [] } = call.action;
  const names = args.filter(({ isRest }) => !isRest).map(({ name }) => [name, call.arg(name)] as const);
  const named = Object.fromEntries(names.filter(([, value]) => value !== ''));
  const object = `${noun} ${escaped(what ?? subjectOf(call))}${inVhost(call)}`;
  const did = outcome === 'absent' ? 'there was no' : outcome;
  return {
    kind: 'done',
    line: outcome === 'unchanged' ? `${object} already exists` : `${did} ${object}`,
    item: { action: verb, kind: noun, ...named, ...(isInVhost && { vhost: vhostOf(call) }), outcome, ...more },
  };
}

/** Returns the names in the path for the line of output: `orders`, or `max-channels of anna` for a limit of a user. */
function subjectOf({ action, arg }: Call): string {
  const { noun, args = [], request } = action;
  const all = args.map(({ name }) => name);
  const inPath = all.filter((name) => request.includes(`:${name}`));
  const names = inPath.length > 0 ? inPath : all;
  const own = names.filter((name) => name === noun || name !== 'user').map(arg);
  return [...own, ...(own.length < names.length ? ['of', arg('user')] : [])].join(' ');
}

/** Returns a function that builds the question before a deletion: `delete queue 'orders' in vhost /?`. */
export function deleteQuestion(what?: string): (call: Call) => string {
  return (call) => {
    const { verb, noun, args = [] } = call.action;
    const names = args.map(({ name }) => call.arg(name)).filter((name) => name !== '');
    return `${verb} ${noun} ${names.map((name) => `'${name}'`).join(' ')}${inVhost(call)}${what ? `, ${what}` : ''}?`;
  };
}
