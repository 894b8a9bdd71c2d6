// Actions for definitions: users, vhosts, permissions, policies, queues, exchanges and bindings in one JSON file.

import { isObject } from '../../config/plain.ts';
import { asMqError, MqError } from '../../errors.ts';
import type { Action, Call, Result } from '../action.ts';
import { type ApiObject, objectIn } from '../json.ts';
import { apiPath } from '../path.ts';
import { sendAction } from '../request.ts';

export const definitionActions: readonly Action[] = [
  {
    verb: 'export',
    noun: 'definitions',
    summary: 'write all definitions, or those of --vhost, to a file',
    details: 'Without a file, writes to stdout.',
    args: [{ name: 'file', isOptional: true }],
    options: ['vhost'],
    request: 'GET /definitions',
    run: exportDefinitions,
  },
  {
    verb: 'import',
    noun: 'definitions',
    summary: 'add or change definitions from a file',
    details: '`-` reads from stdin. Nothing is deleted.',
    args: [{ name: 'file' }],
    options: ['vhost'],
    request: 'POST /definitions',
    run: importDefinitions,
  },
];

/**
 * Returns the path for the definitions. Only --vhost limits them to one vhost. A vhost in the address does not, because
 * the user would not expect an incomplete backup.
 */
function pathFor(call: Call): string {
  const vhost = call.text('vhost');
  return vhost === undefined ? '/definitions' : apiPath`/definitions/${vhost}`;
}

async function exportDefinitions(call: Call): Promise<Result> {
  const { body } = await sendAction(call, { path: pathFor(call) });
  const definitions = objectIn(body);
  const file = call.arg('file');
  const text = call.flag('json') && file === '' ? JSON.stringify(definitions) : JSON.stringify(definitions, null, 2);
  if (file === '' || file === '-') return { kind: 'text', text };
  await call.write(file, `${text}\n`);
  const counts = countsOf(definitions);
  return {
    kind: 'done',
    line: `exported ${inWords(counts)} to ${file}`,
    item: { action: 'export', kind: 'definitions', file, outcome: 'exported', counts },
  };
}

async function importDefinitions(call: Call): Promise<Result> {
  const file = call.arg('file');
  const definitions = parsed(await call.read(file), file);
  await sendAction(call, { path: pathFor(call), body: definitions });
  const counts = countsOf(definitions);
  return {
    kind: 'done',
    line: `imported ${inWords(counts)}`,
    item: { action: 'import', kind: 'definitions', file, outcome: 'imported', counts },
  };
}

function parsed(text: string, file: string): ApiObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MqError('BAD_DATA', `${file} is not JSON: ${asMqError(error).message}`, { at: file, cause: error });
  }
  if (!isObject(value))
    throw new MqError('BAD_DATA', `${file} contains no definitions: it is not a JSON object`, { at: file });
  if (Object.values(countsOf(value)).length === 0)
    throw new MqError('BAD_DATA', `${file} contains no definitions: it has no queues, users, vhosts, …`, { at: file });
  return value;
}

function countsOf(definitions: ApiObject): Readonly<Record<string, number>> {
  const counts = Object.entries(definitions).flatMap(([name, value]) =>
    Array.isArray(value) ? [[name, value.length] as const] : [],
  );
  return Object.fromEntries(counts);
}

function inWords(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  const words = some.map(([name, count]) => {
    const noun = name.replaceAll('_', ' ');
    return `${count} ${count === 1 ? noun.replace(/ies$/, 'y').replace(/s$/, '') : noun}`;
  });
  return words.length === 0 ? 'nothing' : words.join(', ');
}
