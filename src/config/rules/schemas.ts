// Checks the schema settings of publications and subscriptions. The files of the schemas are checked in contracts/.

import { objectOf } from '../plain.ts';
import type { RuleInput } from './report.ts';

export function checkSchemas({ file, report }: RuleInput): void {
  const mq = objectOf(file['mq']);
  for (const kind of ['publications', 'subscriptions'])
    for (const [name, own] of Object.entries(objectOf(mq[kind]))) {
      const { schema, onInvalid } = objectOf(own);
      const at = ['mq', kind, name];
      if (schema === '') report([...at, 'schema'], 'value', 'the name of the file is empty');
      if (schema === undefined && onInvalid !== undefined)
        report([...at, 'onInvalid'], 'missing', 'requires a "schema"');
    }
}
