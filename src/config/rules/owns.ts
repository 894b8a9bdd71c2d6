// Checks the patterns of names that mq apply --prune may delete.

import { listOf, objectOf, type Plain } from '../plain.ts';
import type { Report } from './report.ts';

/** Reports patterns that match every name, and patterns that match only names of the broker. */
export function checkOwns({ file, report }: { file: Plain; report: Report }): void {
  for (const [index, pattern] of listOf(objectOf(file['mq'])['owns']).entries()) {
    if (typeof pattern !== 'string') continue;
    const at = ['mq', 'owns', index];
    if (pattern === '') report(at, 'value', 'must not be empty');
    else if (/^\*+$/.test(pattern))
      report(at, 'value', 'matches the names of all teams; add a prefix, such as "orders.*"');
    else if (pattern.startsWith('amq.')) report(at, 'value', 'names that begin with amq. belong to the broker');
  }
}
