// Compares results with thresholds, and finds thresholds that can no longer hold.

import type { Threshold } from '../config/config.ts';
import { latenciesOf, type Sampled } from './figures.ts';
import type { BenchVerb } from './load.ts';
import { type LatencySummary, mainLatency, mainRate, percentOf, type Result } from './result.ts';

export interface Verdict {
  readonly threshold: string;
  /** Measured value in the unit of the threshold. `undefined` if nothing was measured, which is a failure. */
  readonly actual: number | undefined;
  readonly holds: boolean;
}

/** Compares a result with thresholds. None of them holds if an error ended the run early. */
export function verdictsOf(verb: BenchVerb, result: Result, thresholds: readonly Threshold[]): Verdict[] {
  const isComplete = result.failure === undefined;
  return thresholds.map((threshold) => {
    const actual = measuredOf(threshold.metric, verb, result);
    return {
      threshold: threshold.text,
      actual,
      holds: isComplete && actual !== undefined && comparisons[threshold.operator](actual, threshold.value),
    };
  });
}

/** Returns the value of a metric. Times are in milliseconds. */
function measuredOf(metric: string, verb: BenchVerb, result: Result): number | undefined {
  const { rates, latencyMs, confirmLatencyMs } = result;
  const single: Readonly<Record<string, number>> = {
    rate: mainRate(verb, rates),
    'sent-rate': rates.sent,
    'confirmed-rate': rates.confirmed,
    'received-rate': rates.received,
    lost: result.lost,
    duplicates: result.duplicates,
    refused: result.refused,
    'in-doubt': result.inDoubt,
    blocked: result.blockedMs,
    cpu: result.cpuPercent,
    late: result.latePercent,
    limited: Number(result.limited),
  };
  if (Object.hasOwn(single, metric)) return single[metric];
  const isConfirm = metric.startsWith('confirm-');
  return latencyOf(isConfirm ? metric.slice('confirm-'.length) : metric, isConfirm ? confirmLatencyMs : latencyMs);
}

function latencyOf(name: string, summary: LatencySummary | undefined): number | undefined {
  return summary && Object.entries(summary).find(([key]) => key === name)?.[1];
}

const comparisons: Readonly<Record<Threshold['operator'], (actual: number, value: number) => boolean>> = {
  '<': (actual, value) => actual < value,
  '<=': (actual, value) => actual <= value,
  '>': (actual, value) => actual > value,
  '>=': (actual, value) => actual >= value,
  '==': (actual, value) => actual === value,
  '!=': (actual, value) => actual !== value,
};

/**
 * Returns the thresholds that cannot hold any more, whatever follows.
 * @param total number of messages of the whole measurement. `undefined` if it is not known
 */
export function brokenThresholds(
  thresholds: readonly Threshold[],
  { verb, sofar, total }: { readonly verb: BenchVerb; readonly sofar: Sampled; readonly total: number | undefined },
): Threshold[] {
  const counts: Readonly<Record<string, number>> = {
    duplicates: sofar.duplicates,
    refused: sofar.refused,
    'in-doubt': sofar.inDoubt,
    blocked: sofar.blockedMs,
  };
  return thresholds.filter(({ metric, operator, value }) => {
    if (!['<', '<=', '=='].includes(operator)) return false;
    const isConfirm = metric.startsWith('confirm-');
    const latencies = latenciesOf(isConfirm ? sofar.confirmLatency : mainLatency(verb, sofar));
    const name = isConfirm ? metric.slice('confirm-'.length) : metric;
    const least = name === 'max' ? (latencies.total === 0 ? 0 : latencies.maxMs) : counts[metric];
    if (least !== undefined) return operator === '<' ? least >= value : least > value;
    const percent = percentOf(name);
    if (percent === undefined || total === undefined) return false;
    // Bucket of the value itself counts as met, so that only a certain failure ends the run.
    return latencies.countAbove(value) > total * (1 - percent / 100);
  });
}
