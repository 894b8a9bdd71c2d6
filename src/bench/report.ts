// Formats the result of a benchmark for people: the live line, and the lines at the end.

import { durationText } from '../config/duration.ts';
import type { Comparison } from './baseline.ts';
import type { Second } from './figures.ts';
import type { Load } from './load.ts';
import { type LatencySummary, mainLatency, mainRate, type Result, summaryOf } from './result.ts';
import type { Verdict } from './verdict.ts';

/** Returns the text of the live line. */
export function liveText({ verb }: Pick<Load, 'verb'>, second: Second): string {
  const { at, sent, confirmed, received, duplicates } = second;
  const latency = summaryOf(mainLatency(verb, second));
  const parts = [
    `${Math.round(at)} s`,
    ...(verb === 'consume' ? [] : [`sent ${sent}/s`]),
    verb === 'publish' ? `confirmed ${confirmed}/s` : `received ${received}/s`,
    ...(latency ? [`p50 ${msText(latency.p50)}`, `p99 ${msText(latency.p99)}`, `max ${msText(latency.max)}`] : []),
    ...(duplicates > 0 ? [`duplicates ${duplicates}`] : []),
  ];
  return parts.join('  ');
}

/** Returns how the messages were sent. */
function loopText({ verb, intervalMs, window }: Pick<Load, 'verb' | 'intervalMs' | 'window'>): string {
  if (verb === 'consume') return 'as fast as the consumers acknowledge';
  if (intervalMs !== undefined) return `open schedule, ${rateText({ intervalMs })}; latency from the scheduled time`;
  const held = verb === 'rpc' ? 'in flight' : 'unconfirmed';
  return `closed loop, ${window} ${held} a producer; latency from the time of sending`;
}

/** Returns the rate of the schedule. */
export function rateText({ intervalMs }: Pick<Load, 'intervalMs'>): string {
  return intervalMs === undefined ? 'closed loop' : `${number(1000 / intervalMs)} messages a second`;
}

interface Reported {
  readonly load: Load;
  readonly target: string;
  readonly result: Result;
  readonly verdicts: readonly Verdict[];
  readonly comparisons: readonly Comparison[];
}

/** Returns the lines of the result. */
export function resultLines({ load, target, result, verdicts, comparisons }: Reported): string[] {
  const { rates, latencyMs, confirmLatencyMs, limit, cpuPercent, blockedMs, failure } = result;
  const { verb } = load;
  const row = (name: string, count: number, rate: number) =>
    `  ${name.padEnd(10)} ${String(count).padStart(10)} ${number(rate).padStart(12)}/s`;
  return [
    `${verb} of ${target}`,
    `  ${loopText(load)}`,
    ...(verb === 'consume' ? [] : [row('sent', result.sent, rates.sent)]),
    ...(verb === 'publish' || verb === 'pipe' ? [row('confirmed', result.confirmed, rates.confirmed)] : []),
    ...(verb === 'publish' ? [] : [row(verb === 'rpc' ? 'replies' : 'received', result.received, rates.received)]),
    `  ${lossText(result, verb)}`,
    ...latencyTable({ latency: latencyMs, ...(verb === 'pipe' && { confirm: confirmLatencyMs }) }),
    `  the broker blocked publishing for ${durationText(blockedMs)}; mq used ${number(cpuPercent)} % of a processor`,
    ...(limit === undefined ? [] : [`  the load generator was the limit: ${limit}`]),
    ...Object.entries(result.errors).map(([code, count]) => `  ${count} failed with ${code}`),
    ...(failure === undefined ? [] : [`  the run ended early: ${failure.message}`]),
    ...verdicts.map(({ threshold, actual, holds }) => {
      const measured = actual === undefined ? 'nothing was measured' : `measured ${measureText(threshold, actual)}`;
      return `  ${holds ? 'holds' : 'FAILS'}  ${threshold}  (${measured})`;
    }),
    ...comparisons.map(({ metric, before, after, isWorse }) => {
      const [then, now] = [measureText(metric, before), measureText(metric, after)];
      return `  ${isWorse ? 'WORSE' : 'ok   '}  ${metric}  ${then} before, ${now} now`;
    }),
  ];
}

/** Returns the failed thresholds and comparisons in one line. `undefined` if all of them are met. */
export function failureText(
  { verb, rates }: Pick<Result, 'rates'> & Pick<Load, 'verb'>,
  verdicts: readonly Verdict[],
  comparisons: readonly Comparison[],
): string | undefined {
  const missed = verdicts.filter(({ holds }) => !holds).map(({ threshold }) => threshold);
  const worse = comparisons.filter(({ isWorse }) => isWorse).map(({ metric }) => metric);
  const parts = [
    ...(missed.length > 0 ? [`${missed.length} of ${verdicts.length} thresholds failed: ${missed.join(', ')}`] : []),
    ...(worse.length > 0 ? [`worse than the baseline: ${worse.join(', ')}`] : []),
  ];
  return parts.length === 0 ? undefined : `${parts.join('; ')} (rate ${number(mainRate(verb, rates))}/s)`;
}

function lossText({ lost, duplicates, refused, inDoubt }: Result, verb: Load['verb']): string {
  const counts = [
    ...(verb === 'publish' ? [] : [`lost ${lost}`]),
    ...(verb === 'publish' || verb === 'rpc' ? [] : [`duplicates ${duplicates}`]),
    ...(verb === 'consume' ? [] : [`refused ${refused}`, `in doubt ${inDoubt}`]),
  ];
  return counts.join(', ');
}

/** Returns one line for each kind of latency, in milliseconds, below the names of the columns. */
function latencyTable(summaries: Readonly<Record<string, LatencySummary | undefined>>): string[] {
  const rows = Object.entries(summaries).flatMap(([name, summary]) => {
    if (summary === undefined) return [];
    return [
      tableRow(
        name,
        latencyColumns.map((column) => number(summary[column])),
      ),
    ];
  });
  return rows.length === 0 ? [] : [tableRow('ms', latencyColumns), ...rows];
}

function tableRow(name: string, cells: readonly string[]): string {
  return `  ${name.padEnd(10)} ${cells.map((cell) => cell.padStart(9)).join(' ')}`;
}

const latencyColumns = ['p50', 'p90', 'p99', 'p99.5', 'p99.9', 'max'] as const;

/** Returns a value with the unit of its metric. A threshold begins with its metric. */
function measureText(metric: string, value: number): string {
  if (/^(confirm-)?(p\d|max|mean)|^blocked/.test(metric)) return msText(value);
  if (/^(\w+-)?rate/.test(metric)) return `${number(value)}/s`;
  return /^(cpu|late)/.test(metric) ? `${number(value)} %` : number(value);
}

function msText(ms: number): string {
  return `${number(ms)} ms`;
}

/** Returns a number with at most four digits, or all digits before the point. */
function number(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(4)));
}
