// Changes the strings of a value of JSON: replaces them, or cuts the long ones and reports where it did.

import { isObject, type Plain } from '../config/plain.ts';

/** Deepest level of lists and objects that is shown. */
const mostDepth = 100;

/** Path of a string in a value, such as `headers.list[0]`, without the level of the value itself. */
type Change = (text: string, path: string) => string;

/** Returns the value with each string changed, also the names of fields. Levels below the 100th are replaced by `…`. */
export function mapStrings(value: Plain, change: Change): Plain;
export function mapStrings(value: unknown, change: Change): unknown;
export function mapStrings(value: unknown, change: Change): unknown {
  const map = (item: unknown, path: string, depth: number): unknown => {
    if (depth > mostDepth) return '…';
    if (typeof item === 'string') return change(item, path);
    if (Array.isArray(item)) return item.map((one, index) => map(one, `${path}[${index}]`, depth + 1));
    if (!isObject(item)) return item;
    const entries = Object.entries(item).map(([name, one]) => {
      const below = path === '' ? name : `${path}.${name}`;
      return [change(name, below), map(one, below, depth + 1)] as const;
    });
    return Object.fromEntries(entries);
  };
  return map(value, '', 0);
}

/**
 * Returns the value with each string cut to at most `most` bytes of UTF-8, and the lengths of these strings in bytes by
 * their paths.
 */
export function cutStrings(value: unknown, most: number): { value: unknown; cuts: Record<string, number> } {
  const cuts: Record<string, number> = {};
  // Base64 can be decoded if its length is a multiple of four.
  const bytes = most - (most % 4);
  const cut: Change = (text, path) => {
    const length = Buffer.byteLength(text);
    if (length <= most) return text;
    cuts[path] = length;
    return beginning(text, bytes);
  };
  return { value: mapStrings(value, cut), cuts };
}

/** Returns the beginning of a text, without a part of a character at its end. */
export function beginning(text: string, bytes: number): string {
  // Each UTF-16 unit needs at least one byte.
  const start = Buffer.from(text.slice(0, bytes));
  let end = Math.min(bytes, start.length);
  // UTF-8: all bytes of a character except the first one begin with the bits 10.
  while (end > 0 && ((start[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return start.subarray(0, end).toString();
}
