// Describes an object of a plan in words.

import type { ChangedObject } from './difference.ts';
import type { TopologyBinding } from './topology.ts';

/** Formats a name or a value. Text escapes it, and Markdown makes it a code span. */
export type Format = (text: string) => string;

/** Returns `1 queue`, `2 queues`, or for a word that ends in y `2 policies`. */
export function counted(count: number, what: string): string {
  return `${count} ${count === 1 ? what : what.replace(/y$/, 'ie')}${count === 1 ? '' : 's'}`;
}

/** Returns `queue orders`. A binding is `binding logs -> audit (order.#)`. */
export function objectText(one: ChangedObject, format: Format): string {
  if (one.kind === 'binding') return `binding ${bindingText(one, format)}`;
  const suffix = one.kind === 'queue' && one.for !== undefined ? ` for failed messages of ${format(one.for)}` : '';
  return `${one.kind.replace('-', ' ')} ${format(one.name)}${suffix}`;
}

/** Returns `logs -> audit (order.#)`. */
export function bindingText(
  { source, destination, destinationType, key, arguments: all }: TopologyBinding,
  format: Format,
): string {
  const to = destinationType === 'exchange' ? 'exchange ' : '';
  const given = Object.keys(all).length === 0 ? '' : `, ${format(JSON.stringify(all))}`;
  return `${format(source)} -> ${to}${format(destination)} (${key === '' ? 'no key' : format(key)}${given})`;
}
