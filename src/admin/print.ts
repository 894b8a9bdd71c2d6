// Formats a result: a table on a terminal, tab-separated lines in a pipe, JSON lines with --json.

import { isObject } from '../config/plain.ts';
import { safeJson, safeJsonText } from '../errors.ts';
import { cellText } from '../terminal/cell.ts';
import type { Result } from './action.ts';
import { valueAt } from './columns.ts';
import type { ApiObject } from './json.ts';

export interface OutputFormat {
  readonly isJson: boolean;
  /** Width of the terminal in columns. `undefined` if stdout is not a terminal. */
  readonly terminalWidth: number | undefined;
  readonly hasHeaders: boolean;
  /** Requested columns. Single objects and JSON are limited to them as well. */
  readonly columns: readonly string[] | undefined;
  /** `true` if names are truncated before other columns. */
  readonly cutsNames?: boolean;
  /** Name of the broker, printed after the line of a change. */
  readonly broker?: string | undefined;
}

/** Returns the text for stdout, including the last newline. Returns an empty string if there is no line to print. */
export async function formatResult(result: Result, format: OutputFormat): Promise<string> {
  if (result.kind === 'text') {
    const text = format.terminalWidth === undefined ? result.text : safeJsonText(result.text);
    return text.endsWith('\n') ? text : `${text}\n`;
  }
  if (format.isJson) return jsonLines(result.kind === 'items' ? result.items : [result.item], format);
  if (result.kind === 'done') return `${result.line}${format.broker === undefined ? '' : ` on ${format.broker}`}\n`;
  const text = await textsFor(format);
  if (result.kind === 'items') {
    const { columns, items } = result;
    return table(
      columns,
      items.map((item) => columns.map((column) => text(column, valueAt(item, column)))),
      format,
    );
  }
  const facts = format.columns?.map((name) => [name, valueAt(result.item, name)] as const) ?? flat(result.item);
  return table(
    ['field', 'value'],
    facts.map(([name, value]) => [name, text(name, value)]),
    { ...format, hasHeaders: false },
  );
}

/** Returns a function that formats values: with units on a terminal, and unchanged in a pipe. */
async function textsFor({ terminalWidth }: OutputFormat): Promise<(field: string, value: unknown) => string> {
  if (terminalWidth === undefined) return (_, value) => cellText(value);
  const { withUnit } = await import('../terminal/units.ts');
  return (field, value) => withUnit(field, value) ?? cellText(value);
}

function jsonLines(items: readonly ApiObject[], { columns, terminalWidth }: OutputFormat): string {
  const text = terminalWidth === undefined ? JSON.stringify : safeJson;
  const cut = (item: ApiObject) => Object.fromEntries(columns?.map((name) => [name, valueAt(item, name)]) ?? []);
  return items.map((item) => `${text(columns === undefined ? item : cut(item))}\n`).join('');
}

async function table(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  { terminalWidth, hasHeaders, cutsNames = false, columns: requested }: OutputFormat,
): Promise<string> {
  if (terminalWidth === undefined) {
    const lines = hasHeaders ? [columns, ...rows] : rows;
    return lines.map((cells) => `${cells.join('\t')}\n`).join('');
  }
  const { drawTable } = await import('../terminal/table.ts');
  const draw = (from: number) =>
    drawTable({
      columns: columns.slice(from),
      rows: rows.map((row) => row.slice(from)),
      width: terminalWidth,
      hasHeaders,
      cutsNames,
    });
  const lines = draw(0);
  // If a header does not fit, the column vhost is omitted, provided that all rows have the same vhost and the user has
  // not chosen the columns.
  const hasOneVhost = columns[0] === 'vhost' && rows.every(([vhost]) => vhost === rows[0]?.[0]);
  const isCut = hasHeaders && lines[0]?.includes('…') === true;
  const drawn = isCut && hasOneVhost && requested === undefined ? draw(1) : lines;
  return drawn.map((line) => `${line}\n`).join('');
}

/** Flattens nested objects to `a.b`, the form that --columns accepts. */
function flat(item: ApiObject, prefix = ''): (readonly [string, unknown])[] {
  return Object.entries(item).flatMap(([name, value]) => {
    const path = `${prefix}${name}`;
    return isObject(value) && Object.keys(value).length > 0 ? flat(value, `${path}.`) : [[path, value] as const];
  });
}
