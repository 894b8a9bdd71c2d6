// Lines for a terminal: broken between words, never inside one.

import type { Output } from '../context.ts';

/** The width of lines where no terminal says it, and the widest that reads well. */
const pipeWidth = 100;
const widest = 120;
/** A space that no line breaks at. */
const fixedSpace = '\u00a0';

/** Returns how many columns lines may have. */
export function widthOf({ isTTY, columns }: Output): number {
  return isTTY && columns !== undefined && columns > 0 ? Math.min(columns, widest) : pipeWidth;
}

/** Returns the text in lines of at most `width` columns. All but the first begin with `indent` spaces. A longer word stays whole. */
export function wrapped(text: string, { width, indent }: { width: number; indent: number }): string {
  const lines: string[] = [];
  const [first = '', ...words] = text.replace(/\(default .{1,30}\)$/, inOnePiece).split(' ');
  let line = first;
  for (const word of words) {
    const room = width - (lines.length === 0 ? 0 : indent);
    if (line.trim() !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`).replaceAll(fixedSpace, ' ');
}

function inOnePiece(text: string): string {
  return text.replaceAll(' ', fixedSpace);
}

/**
 * Returns rows of two columns; the right one is wrapped beside the left one, or below it where that is too narrow.
 * A left text of more than `longest` columns has a line of its own.
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
