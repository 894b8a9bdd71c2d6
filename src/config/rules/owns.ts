// Checks the patterns of names that mq apply --prune may delete, and that there is a vhost in which it may.

import { listOf, objectOf, type Plain } from '../plain.ts';
import type { Path } from '../reading/problem.ts';
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

/** Returns a warning if the file owns names and defines no vhost, because mq deletes only in the vhosts of the file. */
export function ownsWarnings(file: Plain): { path: Path; message: string; instead: string }[] {
  if (listOf(objectOf(file['mq'])['owns']).length === 0 || Object.keys(objectOf(file['vhosts'])).length > 0) return [];
  return [
    {
      path: ['mq', 'owns'],
      message: 'owns nothing, because the file defines no vhost',
      instead: 'define the vhost, even if it is empty: "vhosts": {"/": {}}',
    },
  ];
}
