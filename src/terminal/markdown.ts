// Formats a page of Markdown for a terminal: wrapped paragraphs and lists, bold headings, tables with aligned columns.

import { stripVTControlCharacters, styleText } from 'node:util';
import { wrapped } from './wrap.ts';

export interface PageStyle {
  readonly width: number;
  readonly isColoured: boolean;
  /** Returns the text that follows the label of a link, such as ` (mq help broker)`, or an empty string. */
  readonly linkText: (target: string) => string;
}

/** Space between two columns of a table. */
const gap = '  ';

/** Returns the page in lines of at most `width` columns. Lines of code are indented and not wrapped. */
export function formatMarkdown(page: string, style: PageStyle): string {
  const blocks = blocksOf(page.trim().split('\n')).map((lines) => formatBlock(lines, style));
  return `${blocks.join('\n\n')}\n`;
}

/** Splits a page at empty lines into headings, paragraphs, lists, tables and blocks of code. */
function blocksOf(lines: readonly string[]): string[][] {
  const blocks: string[][] = [];
  let block: string[] = [];
  let isCode = false;
  for (const line of lines) {
    const isFence = line.startsWith('```');
    if (isFence) isCode = !isCode;
    if (line === '' && !isCode) {
      if (block.length > 0) blocks.push(block);
      block = [];
    } else block.push(line);
  }
  return block.length > 0 ? [...blocks, block] : blocks;
}

function formatBlock(lines: readonly string[], style: PageStyle): string {
  const [first = ''] = lines;
  const paint = painter(style);
  if (first.startsWith('```'))
    return lines
      .slice(1, -1)
      .map((line) => line && paint('green', `    ${line}`))
      .join('\n');
  if (first.startsWith('#'))
    return style.isColoured ? paint('bold', first.replace(/^#+ /, '').replaceAll('`', '')) : first;
  if (first.startsWith('|'))
    return formatTable(
      lines.map((line) => cellsOf(line, style)),
      style,
    );
  return itemsOf(lines)
    .map((item) => formatItem(item, style))
    .join('\n');
}

/** Joins the lines of each list item, and of a paragraph. */
function itemsOf(lines: readonly string[]): string[] {
  const items: string[] = [];
  for (const line of lines) {
    if (items.length === 0 || /^\s*([-*]|\d+\.) /.test(line)) items.push(line);
    else items.push(`${items.pop()} ${line.trim()}`);
  }
  return items;
}

function formatItem(item: string, style: PageStyle): string {
  const [mark = ''] = /^\s*(([-*]|\d+\.) )?/.exec(item) ?? [];
  const text = mark + formatInline(item.slice(mark.length), style);
  return wrapped(text, { width: style.width, indent: mark.length });
}

/** Formats code spans, bold and emphasized text, and links. Each word has its own style, so that lines can break between words. */
function formatInline(text: string, style: PageStyle): string {
  const paint = painter(style);
  return withoutLinks(text, style)
    .split(/(`[^`]+`)/)
    .map((part) => {
      if (part.startsWith('`')) return style.isColoured ? paint('cyan', part.slice(1, -1)) : part;
      return part.replaceAll(/(\*\*|(?<!\S)\*(?=\w))([^*]+)\1/g, (_, __, bold: string) => paint('bold', bold));
    })
    .join('');
}

/** Replaces links. Their labels may contain code spans. Text in a code span that looks like a link is not changed. */
function withoutLinks(text: string, { linkText }: PageStyle): string {
  return text.replaceAll(
    /`[^`]+`|\[((?:`[^`]+`|[^[\]`])*)\]\(([^()\s]+)\)/g,
    (found, label: string | undefined, target: string) => (label === undefined ? found : label + linkText(target)),
  );
}

function painter({ isColoured }: PageStyle) {
  return (colour: 'bold' | 'cyan' | 'green', text: string) =>
    isColoured ? text.replaceAll(/[^ ]+/g, (word) => styleText(colour, word, { validateStream: false })) : text;
}

function cellsOf(line: string, style: PageStyle): string[] {
  const cells = line
    .trim()
    .replace(/^\|/, '')
    .replace(/\|$/, '')
    .split(/(?<!\\)\|/);
  return cells.map((cell) => formatInline(cell.trim().replaceAll('\\|', '|'), style));
}

/**
 * Returns a table whose cells are wrapped until it fits. If the longest words of the columns do not fit next to each
 * other, each row becomes a list of headers and cells. The second row is skipped, because it only separates the header.
 */
function formatTable([header = [], , ...rows]: readonly (readonly string[])[], style: PageStyle): string {
  const hasHeader = header.some((cell) => cell !== '');
  const all = hasHeader ? [header, ...rows] : rows;
  const longest = (lengths: (cell: string) => number) =>
    header.map((_, at) => Math.max(...all.map((row) => lengths(row[at] ?? ''))));
  const space = style.width - gap.length * (header.length - 1);
  const floors = longest((cell) => Math.max(...cell.split(' ').map(widthOf)));
  const widths = fitted(longest(widthOf), floors, space);
  if (sum(widths) > space) return rows.map((row) => formatFacts(header, row, style)).join('\n\n');
  const lines = all.map((row) => formatRow(row, widths));
  if (hasHeader) lines.splice(1, 0, widths.map((width) => '─'.repeat(width)).join(gap));
  return lines.join('\n');
}

function formatFacts(header: readonly string[], row: readonly string[], { width }: PageStyle): string {
  const facts = row.map((cell, at) => (header[at] ? `${header[at]}: ${cell}` : cell));
  return facts.map((fact) => wrapped(fact, { width, indent: gap.length })).join('\n');
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  const cells = widths.map((width, at) => wrapped(row[at] ?? '', { width, indent: 0 }).split('\n'));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, at) => {
        const text = lines[line] ?? '';
        return text + ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(text)));
      })
      .join(gap)
      .trimEnd(),
  ).join('\n');
}

/** Narrows the widest column repeatedly until the columns fit or have their minimum widths (`floors`). */
function fitted(natural: readonly number[], floors: readonly number[], space: number): number[] {
  const widths = [...natural];
  for (let excess = sum(widths) - space; excess > 0; excess -= 1) {
    const free = widths.map((width, at) => (width > (floors[at] ?? 0) ? width : 0));
    const widest = Math.max(...free);
    if (widest === 0) break;
    widths[free.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Returns the number of columns that a text occupies on a terminal. The pages have no wide characters. */
function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
