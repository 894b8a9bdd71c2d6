// Writes TypeScript types as text.

import { isObject } from '../../config/plain.ts';

export interface TypeText {
  readonly text: string;
  /** Operands of a looser kind need parentheses: an atom binds most tightly. */
  readonly kind: 'atom' | 'intersection' | 'union';
}

export const unknownType = atom('unknown');
export const neverType = atom('never');

export function atom(text: string): TypeText {
  return { text, kind: 'atom' };
}

/** Returns `unknown` with the reason why there is no better type. */
export function unknownBecause(reason: string): TypeText {
  return atom(`unknown /* ${withoutEnd(reason)} */`);
}

/** Returns the type of a value that has all the types. `unknown` adds nothing. */
export function intersectionOf(types: readonly TypeText[]): TypeText {
  const known = distinct(types.filter(({ text }) => !/^unknown\b/.test(text)));
  const [first, ...others] = known;
  if (first === undefined) return types[0] ?? unknownType;
  if (others.length === 0) return first;
  return {
    text: known.map((one) => (one.kind === 'union' ? `(${one.text})` : one.text)).join(' & '),
    kind: 'intersection',
  };
}

/** Returns the type of a value that has one of the types. */
export function unionOf(types: readonly TypeText[]): TypeText {
  const possible = distinct(types.filter(({ text }) => text !== 'never'));
  const open = possible.find(({ text }) => /^unknown\b/.test(text));
  const [first, ...others] = possible;
  if (first === undefined) return neverType;
  if (open !== undefined || others.length === 0) return open ?? first;
  return { text: possible.map(({ text }) => text).join(' | '), kind: 'union' };
}

export function arrayOf({ text, kind }: TypeText): TypeText {
  const isSimple = kind === 'atom' && !text.includes('*/');
  return atom(isSimple ? `${text}[]` : `(${text})[]`);
}

/** Returns the type of exactly one JSON value. */
export function literalOf(value: unknown): TypeText {
  if (Array.isArray(value)) return atom(`[${value.map((one) => literalOf(one).text).join(', ')}]`);
  if (!isObject(value)) return atom(JSON.stringify(value));
  return objectType(Object.entries(value).map(([name, one]) => `${keyText(name)}: ${literalOf(one).text};`));
}

export function objectType(members: readonly string[]): TypeText {
  return atom(members.length === 0 ? '{ [key: string]: never }' : `{\n${members.map(indented).join('\n')}\n}`);
}

/** Returns the name of a property, in quotes if it is not an identifier. */
export function keyText(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** Returns a documentation comment and a newline, or an empty string without a text. */
export function documentation(parts: readonly unknown[]): string {
  const lines = parts.flatMap((one) =>
    typeof one === 'string'
      ? withoutEnd(one)
          .trim()
          .split(/\r\n|[\r\n\u2028\u2029]/)
      : [],
  );
  const written = lines.filter((line) => line.trim() !== '');
  if (written.length === 0) return '';
  if (written.length === 1) return `/** ${written[0]} */\n`;
  return `/**\n${written.map((line) => ` * ${line.trim()}`).join('\n')}\n */\n`;
}

export function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

/** A comment must not end early. */
function withoutEnd(text: string): string {
  return text.replaceAll('*/', '*\\/');
}

function distinct(types: readonly TypeText[]): TypeText[] {
  return [...new Map(types.map((one) => [one.text, one])).values()];
}
