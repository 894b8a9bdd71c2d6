// Formats a table for a terminal: columns are aligned by display width and truncated if a line is too long.

import stringWidth from 'string-width';
import { isQuantity } from './units.ts';

/** Space between two columns. */
const gap = '  ';
/** Minimum width of a truncated column. */
const leastWidth = 6;
/** Width down to which a name is truncated first, with `cutsNames`. */
const longestCutName = 20;
/** Columns with names that the user needs for the next command. They are truncated last. */
const keys = /(^|\.)(id|name|consumer_tag)$/;

export interface TableContent {
  readonly columns: readonly string[];
  /** Rows of text without control characters. */
  readonly rows: readonly (readonly string[])[];
  /** Width of the terminal. */
  readonly width: number;
  readonly hasHeaders: boolean;
  /** `true` if names are truncated before the other columns, which are short. */
  readonly cutsNames?: boolean;
}

/**
 * Returns the lines without newlines. Numbers are right-aligned and never truncated. If even the shortest columns do
 * not fit next to each other, each row becomes a block with one line for each column.
 */
export function drawTable({ columns, rows, width, hasHeaders, cutsNames = false }: TableContent): string[] {
  const widthOf = (lines: TableContent['rows'], at: number) =>
    lines.reduce((most, row) => Math.max(most, stringWidth(row[at] ?? '')), 0);
  const space = width - gap.length * (columns.length - 1);
  const headers = fittingHeaders(
    columns,
    columns.map((_, at) => widthOf(rows, at)),
    space,
  );
  const all = hasHeaders ? [headers, ...rows] : rows;
  const natural = columns.map((_, at) => widthOf(all, at));
  const ofValues = columns.map((_, at) => Math.max(leastWidth, widthOf(rows, at)));
  const isNumber = columns.map((_, at) => rows.length > 0 && rows.every((row) => isQuantity(row[at] ?? '')));
  // Headers are truncated first, then columns other than names, and names last. Numbers are never truncated.
  const isKey = columns.map((column) => keys.test(column));
  const floors = [
    ...(cutsNames ? [natural.map((value, at) => (isKey[at] ? longestCutName : value))] : []),
    ofValues,
    ofValues.map((value, at) => (isKey[at] || isNumber[at] ? value : leastWidth)),
    ofValues.map((value, at) => (isNumber[at] ? value : leastWidth)),
  ];
  const widths = floors.reduce((now, floor) => fitted(now, floor, space), natural);
  const isTooWide = widths.reduce((sum, one) => sum + one, 0) > space;
  if (isTooWide && columns.length > 2) return stacked({ columns, rows, width });
  return all.map((row) =>
    columns
      .map((_, at) => {
        const [text = '', width = 0] = [row[at], widths[at]];
        return padded(row === headers ? cutHeader(text, width) : cut(text, width), width, isNumber[at] === true);
      })
      .join(gap)
      .trimEnd(),
  );
}

/** Returns the rows as lines with aligned columns. Nothing is truncated. */
export function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => stringWidth(row[at] ?? ''))));
  return rows.map((row) =>
    row
      .map((text, at) => padded(text, widths[at] ?? 0, false))
      .join(gap)
      .trimEnd(),
  );
}

function stacked({ columns, rows, width }: Omit<TableContent, 'hasHeaders'>): string[] {
  return rows.flatMap((row, index) => {
    const facts = columns.map((column, at) => [column, row[at] ?? '']);
    const lines = drawTable({ columns: ['name', 'value'], rows: facts, width, hasHeaders: false });
    return index === 0 ? lines : ['', ...lines];
  });
}

/** Narrows the widest column repeatedly until the columns fit or have their minimum widths (`floors`). */
function fitted(natural: readonly number[], floors: readonly number[], space: number): number[] {
  const widths = [...natural];
  const floorOf = (at: number) => Math.min(natural[at] ?? 0, floors[at] ?? 0);
  for (let excess = widths.reduce((sum, one) => sum + one, 0) - space; excess > 0; excess -= 1) {
    const free = widths.flatMap((width, at) => (width > floorOf(at) ? [at] : []));
    const widest = free.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let taken = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    taken += stringWidth(segment);
    if (taken > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/**
 * Removes whole words from the widest headers until the columns fit. It removes them at the start, because the API's
 * names differ at their ends: messages_ready, messages_unacknowledged.
 */
function fittingHeaders(columns: readonly string[], ofValues: readonly number[], space: number): string[] {
  const headers = [...columns];
  const widthOf = (header: string, at: number) => Math.max(stringWidth(header), ofValues[at] ?? 0);
  const isTooWide = () => headers.reduce((sum, header, at) => sum + widthOf(header, at), 0) > space;
  while (isTooWide()) {
    const [widest] = headers
      .map((header, at) => ({ at, width: widthOf(header, at), shorter: withoutWord(header) }))
      .filter(({ at, width, shorter }) => shorter !== undefined && widthOf(shorter, at) < width)
      .toSorted((one, other) => other.width - one.width);
    if (widest?.shorter === undefined) break;
    headers[widest.at] = widest.shorter;
  }
  return headers;
}

/** Returns the header without its first word: …ready, …unacked. */
function withoutWord(header: string): string | undefined {
  const [, ...words] = header.replace(/^…/, '').replace('unacknowledged', 'unacked').split('_');
  return words.length === 0 ? undefined : `…${words.join('_')}`;
}

function cutHeader(text: string, width: number): string {
  return stringWidth(text) <= width ? text : `…${text.slice(text.length - width + 1)}`;
}

function padded(text: string, width: number, isNumber: boolean): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return isNumber ? space + text : text + space;
}
