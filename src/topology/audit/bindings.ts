// Finds topic bindings that are expensive to match.

import { type Plain, stringOf } from '../../config/plain.ts';
import type { Target } from '../../config/target.ts';
import { type AuditFinding, severityOf } from './finding.ts';

/** RabbitMQ 4.3.5: maximum number of `#` in a topic binding. */
const mostWildcards = 2;

interface Bound {
  readonly exchanges: readonly Plain[];
  readonly bindings: readonly Plain[];
}

export function bindingFindings({ exchanges, bindings }: Bound, target: Target): AuditFinding[] {
  const id = (vhost: unknown, name: unknown) => JSON.stringify([vhost, name]);
  const topics = new Set(exchanges.filter(({ type }) => type === 'topic').map(({ vhost, name }) => id(vhost, name)));
  return bindings.flatMap(({ vhost, source, destination, routing_key: key }) => {
    const words = (stringOf(key) ?? '').split('.').filter((word) => word === '#');
    if (words.length <= mostWildcards || !topics.has(id(vhost, source))) return [];
    return [
      {
        code: 'many-wildcards',
        severity: severityOf(target === '4.3'),
        kind: 'binding',
        name: `${stringOf(source)} -> ${stringOf(destination)} (${stringOf(key)})`,
        vhost: stringOf(vhost) ?? '',
        message: `the key has ${words.length} times #; RabbitMQ 4.3.5 refuses more than two, because they are slow to match`,
        instead: 'use * for parts with a fixed number of words, or several bindings',
      },
    ];
  });
}
