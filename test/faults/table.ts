// Draws verdicts as a table.

import type { Verdict } from './verdict.ts';

export interface Row {
  readonly fault: string;
  readonly verdict: Verdict;
}

const allColumns: readonly [string, (row: Row) => string | number][] = [
  ['fault', ({ fault }) => fault],
  ['n', ({ verdict }) => verdict.injections.length],
  ['confirmed', ({ verdict }) => verdict.confirmed],
  ['refused', ({ verdict }) => verdict.refused],
  ['in doubt', ({ verdict }) => verdict.inDoubt],
  ['recovered', ({ verdict }) => verdict.recovered],
  ['lost', ({ verdict }) => verdict.lost],
  ['unexpected', ({ verdict }) => verdict.unexpected],
  ['stuck', ({ verdict }) => verdict.stuck],
  ['duplicated', ({ verdict }) => verdict.duplicated],
  ['dead', ({ verdict }) => verdict.deadLettered],
  ['inversions', ({ verdict }) => verdict.inversions ?? '-'],
  ['recovery s', ({ verdict }) => recovery(verdict)],
  ['verdict', ({ verdict }) => (verdict.failures.length === 0 ? 'pass' : 'FAIL')],
];

/** Columns that only ledger runs have. */
const ledgerColumns: typeof allColumns = [
  ['dropped', ({ verdict }) => verdict.dropped],
  ['runs a minute', ({ verdict }) => verdict.perMinute ?? '-'],
];

/** Returns a Markdown table, followed by the reasons of the failed rows. */
export function drawTable(rows: readonly Row[]): string {
  const isLedger = rows.some(({ verdict }) => verdict.perMinute !== undefined);
  const columns = isLedger ? [...allColumns.slice(0, -1), ...ledgerColumns, ...allColumns.slice(-1)] : allColumns;
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, show]) => String(show(row))))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  const draw = (line: readonly string[]) =>
    `| ${line.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, index) => (index === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  const why = rows.flatMap(({ fault, verdict }) => verdict.failures.map((failure) => `${fault}: ${failure}`));
  return [draw(cells[0] ?? []), rule, ...cells.slice(1).map(draw), ...why].join('\n');
}

/** Returns the median and the maximum recovery time, and `late` if an injection exceeded its target. */
function recovery({ injections }: Verdict): string {
  const times = injections.map(({ recoveryMs }) => recoveryMs ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  if (times.length === 0) return '-';
  const shown = (ms: number | undefined) => (ms === undefined || ms === Infinity ? 'never' : (ms / 1000).toFixed(1));
  const late = injections.some(({ recoveryMs = Infinity, targetMs }) => recoveryMs > targetMs);
  return `${shown(times[Math.floor((times.length - 1) / 2)])}..${shown(times.at(-1))}${late ? ' late' : ''}`;
}
