// Wraps lines for a terminal between words, never inside a word.

import { stripVTControlCharacters } from 'node:util';
import type { Output } from '../context.ts';

/** Line width if stdout is not a terminal. */
const pipeWidth = 100;
/** Maximum line width on a terminal. */
const widest = 120;
/** Space at which `wrapped` does not break a line. */
const fixedSpace = '\u00a0';

/** Returns the maximum line width in columns. */
export function widthOf({ isTTY, columns }: Output): number {
  return isTTY && columns !== undefined && columns > 0 ? Math.min(columns, widest) : pipeWidth;
}

/**
 * Returns the text in lines of at most `width` columns. All lines except the first are indented by `indent` spaces. A
 * word that is longer than a line is not split. Escape sequences for colours are not counted.
 */
export function wrapped(text: string, { width, indent }: { width: number; indent: number }): string {
  const lines: string[] = [];
  const [first = '', ...words] = text.replace(/\(default .{1,30}\)$/, inOnePiece).split(' ');
  let line = first;
  let used = lengthOf(first);
  for (const word of words) {
    const room = width - (lines.length === 0 ? 0 : indent);
    const length = lengthOf(word);
    if (line.trim() !== '' && used + 1 + length > room) {
      lines.push(line);
      [line, used] = [word, length];
    } else [line, used] = [`${line} ${word}`, used + 1 + length];
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`).replaceAll(fixedSpace, ' ');
}

function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

function inOnePiece(text: string): string {
  return text.replaceAll(' ', fixedSpace);
}

/**
 * Returns rows of two columns. The right column is wrapped next to the left one, or below it if there is too little
 * space. A left text of more than `longest` columns has a line of its own.
 */
export function columns(
  rows: readonly (readonly [string, string])[],
  width: number,
  longest = Number.POSITIVE_INFINITY,
): string {
  const lengths = rows.map(([word]) => word.length).filter((length) => length <= longest);
  const left = Math.max(0, ...lengths) + 4;
  const isNarrow = width - left < 30;
  return rows
    .map(([word, text]) => {
      if (isNarrow)
        return `  ${word}\n      ${wrapped(text, { width: width - 6, indent: 0 }).replaceAll('\n', '\n      ')}`;
      const begin = word.length > longest ? `${word}\n${' '.repeat(left)}` : word.padEnd(left - 2);
      return `  ${begin}${wrapped(text, { width: width - left, indent: 0 }).replaceAll('\n', `\n${' '.repeat(left)}`)}`;
    })
    .join('\n');
}
