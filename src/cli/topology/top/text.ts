// Formats the rows of mq top: a table on a terminal, tab-separated lines in a pipe.

import type { ApiObject } from '../../../admin/json.ts';
import type { Output } from '../../../context.ts';
import type { TopRow } from './rows.ts';

/** Width from which the table has room for the types of queues and long names of columns. */
const wide = 110;

/** Returns the table, including the last newline. A terminal of unknown width reports 0. */
export async function tableOf(stdout: Output, rows: readonly TopRow[]): Promise<string> {
  const { formatResult } = await import('../../../admin/print.ts');
  const terminalWidth = stdout.isTTY ? stdout.columns || 80 : undefined;
  const hasVhosts = terminalWidth === undefined || rows.some(({ vhost }) => vhost !== rows[0]?.vhost);
  const isWide = (terminalWidth ?? wide) >= wide;
  const [unacked, consumers] = isWide ? ['unacked', 'consumers'] : ['unack', 'cons'];
  const columns = [
    ...(hasVhosts ? ['vhost'] : []),
    'name',
    ...(isWide ? ['type'] : []),
    ...['ready', unacked, 'retry', 'dead', consumers, 'in/s', 'out/s', 'memory'],
  ];
  const items = rows.map(
    (row): ApiObject => ({
      ...row,
      ...{ [unacked]: row.unacked, [consumers]: row.consumers, 'in/s': row.in, 'out/s': row.out },
    }),
  );
  const format = { isJson: false, terminalWidth, hasHeaders: true, cutsNames: true, columns: undefined };
  return formatResult({ kind: 'items', columns, items }, format);
}

/** Returns the sums over all queues. */
export function totalsOf(rows: readonly TopRow[]): string {
  const sum = (field: 'ready' | 'unacked' | 'retry' | 'dead' | 'consumers' | 'in' | 'out') =>
    Math.round(rows.reduce((total, row) => total + (row[field] ?? 0), 0) * 10) / 10;
  const queues = `${rows.length} ${rows.length === 1 ? 'queue' : 'queues'}`;
  const rates = rows.some((row) => row.in !== undefined) ? [`${sum('in')}/s in`, `${sum('out')}/s out`] : [];
  const waiting = ['ready', 'unacked', 'retry', 'dead'] as const;
  return [queues, ...waiting.map((field) => `${sum(field)} ${field}`), ...rates].join(', ');
}
