// TypeScript declarations of `mq/bodies`: the types of the bodies of publications and subscriptions. `mq types` writes them,
// and the declarations of `mq/test` and `mq/handler` use them.

import type { SchemaNode } from './schema-node.ts';
import { Converter } from './typescript/converter.ts';
import { indented, keyText } from './typescript/text.ts';

/** Publications or subscriptions by name, each with its schema if it has one. */
export type Bodies = ReadonlyMap<string, SchemaNode | undefined>;

/** Returns the content of mq-bodies.d.ts. A body without a schema has the type `any`. */
export function bodyDeclarations(publications: Bodies, subscriptions: Bodies): string {
  const converter = new Converter(['Publications', 'Subscriptions']);
  const membersOf = (bodies: Bodies) =>
    [...bodies].map(([name, schema]) => {
      const type = schema === undefined ? 'any' : converter.named(schema).text;
      return `${keyText(name)}: ${type};`;
    });
  const interfaces = [
    interfaceText('Publications', 'Types of the bodies by the name of the publication.', membersOf(publications)),
    interfaceText('Subscriptions', 'Types of the bodies by the name of the subscription.', membersOf(subscriptions)),
  ];
  return `// Written by \`mq types\`: the types of the bodies in the schemas of rascal.json. Do not edit it; \`mq types\` overwrites it.
//   import type { Subscriptions } from 'mq/bodies';

declare module 'mq/bodies' {
${[...interfaces, ...converter.declarations].map(indented).join('\n\n')}
}
`;
}

function interfaceText(name: string, comment: string, members: readonly string[]): string {
  const body = members.length === 0 ? '{}' : `{\n${members.map(indented).join('\n')}\n}`;
  return `/** ${comment} */\nexport interface ${name} ${body}`;
}
