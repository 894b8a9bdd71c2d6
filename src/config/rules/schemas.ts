// Checks the schema settings of publications and subscriptions. The files of the schemas are checked in contracts/.

import { objectOf, type Plain } from '../plain.ts';
import { type Path, quote } from '../reading/problem.ts';
import { expandRole, subscriptionNames } from '../role.ts';
import type { RuleInput } from './report.ts';

export function checkSchemas({ file, report }: RuleInput): void {
  const mq = objectOf(file['mq']);
  for (const kind of ['publications', 'subscriptions'])
    for (const [name, own] of Object.entries(objectOf(mq[kind]))) {
      const { schema, onInvalid } = objectOf(own);
      const at = ['mq', kind, name];
      if (schema === '') report([...at, 'schema'], 'value', 'the name of the file is empty');
      if (typeof schema === 'string' && /^[a-z][a-z\d+.-]*:\/\//i.test(schema))
        report([...at, 'schema'], 'value', 'mq reads schemas from local files only; save it and name its file');
      if (schema === undefined && onInvalid !== undefined)
        report([...at, 'onInvalid'], 'missing', 'requires a "schema"');
      if (kind === 'subscriptions' && onInvalid === 'retry') {
        const of = withoutRetries(mq, name, own);
        if (of !== undefined) report([...at, 'onInvalid'], 'value', `is "retry", but ${of} sets "retry": false`);
      }
    }
}

/** Returns the subscription, or the first of its roles, that never retries. */
function withoutRetries(mq: Plain, subscription: string, own: unknown): string | undefined {
  if (objectOf(own)['retry'] === false) return 'the subscription';
  for (const [name, row] of Object.entries(objectOf(mq['roles']))) {
    const role = expandRole(objectOf(row));
    if (role['retry'] === false && subscriptionNames(role).includes(subscription)) return `the role ${quote(name)}`;
  }
  return undefined;
}

/** Returns the names of the schema files in rascal.json, each with its path. */
export function schemaPaths(content: Plain): [name: string, path: Path][] {
  const mq = objectOf(content['mq']);
  return ['publications', 'subscriptions'].flatMap((kind) =>
    Object.entries(objectOf(mq[kind])).flatMap(([name, own]): [string, Path][] => {
      const { schema } = objectOf(own);
      return typeof schema === 'string' ? [[schema, ['mq', kind, name, 'schema']]] : [];
    }),
  );
}
