// Finds bindings whose arguments are one level too deep.

import { isObject, membersOf, objectOf, type Plain } from '../plain.ts';
import type { Path } from '../reading/problem.ts';

/**
 * Returns a warning for each binding with an object `arguments` in its options. The options of a queue have such an
 * object, but the options of a binding are its arguments.
 */
export function nestedArguments(file: Plain): { path: Path; message: string; instead: string }[] {
  return Object.entries(objectOf(file['vhosts'])).flatMap(([vhost, value]) =>
    membersOf(objectOf(value)['bindings']).flatMap(({ key, value: binding }) => {
      const nested = objectOf(binding['options'])['arguments'];
      if (!isObject(nested)) return [];
      return [
        {
          path: ['vhosts', vhost, 'bindings', key, 'options', 'arguments'],
          message: "is one argument with the name 'arguments', because the options of a binding are its arguments",
          instead: `"options": ${JSON.stringify(nested)}`,
        },
      ];
    }),
  );
}
