// Compares a result with an earlier one: what got worse by more than the tolerance.

import { MqError } from '../errors.ts';
import type { BenchVerb } from './load.ts';
import { mainRate, type Result } from './result.ts';

type Latency = 'p50' | 'p99' | 'p99.9';
const latencies: readonly Latency[] = ['p50', 'p99', 'p99.9'];

/** The parts of an earlier result that are compared. */
export interface Baseline {
  readonly verb: string;
  readonly rates: Result['rates'];
  readonly latencyMs: Readonly<Record<Latency, number>> | undefined;
  readonly lost: number;
  readonly duplicates: number;
  /** `undefined` in a result of an older mq. */
  readonly settings?: Settings;
}

/** Settings by name, as in the result. */
type Settings = Readonly<Record<string, unknown>>;

/** Settings that change the load, and their texts. A longer run can be compared with a shorter one. */
const loadSettings: Readonly<Record<string, string>> = {
  intervalMs: '--rate',
  size: '--size',
  persistent: '--persistent',
  queueType: '--queue-type',
  queues: '--queues',
  producers: '--producers',
  consumers: '--consumers',
  window: '--window',
  prefetch: '--prefetch',
  processes: '--processes',
};

export interface Comparison {
  readonly metric: string;
  readonly before: number;
  readonly after: number;
  /** `true` if it got worse by more than the tolerance. */
  readonly isWorse: boolean;
}

/** Reads the result in the output of `mq bench --json`. Throws BAD_DATA if the text does not contain one. */
export function baselineIn(text: string, file: string): Baseline {
  const line = text.trim().split('\n').at(-1) ?? '';
  const found = parsed(line);
  if (!isBaseline(found))
    throw new MqError('BAD_DATA', `${file} does not end with a result of mq bench --json`, {
      hint: 'mq bench … --json > baseline.json writes such a file',
    });
  return found;
}

/** Returns the settings of the load that differ from those of the baseline, with both values. */
export function differencesOf({ settings }: Baseline, now: Settings): string[] {
  if (settings === undefined) return [];
  return Object.entries(loadSettings)
    .filter(([name]) => settings[name] !== now[name])
    .map(([name, option]) => `${option} ${settingText(name, settings[name])} (now ${settingText(name, now[name])})`);
}

function settingText(name: string, value: unknown): string {
  if (typeof value === 'number' && name === 'intervalMs') return `${Number((1000 / value).toPrecision(6))}/s`;
  return value === undefined ? 'none' : String(value);
}

/** @param tolerance share by which a figure may get worse: 0.1 is 10 % */
export function compared(
  verb: BenchVerb,
  result: Result,
  { baseline, tolerance }: { readonly baseline: Baseline; readonly tolerance: number },
): Comparison[] {
  const lower = (metric: string, before: number, after: number): Comparison => ({
    ...{ metric, before, after },
    isWorse: after > before * (1 + tolerance),
  });
  const [before, after] = [mainRate(verb, baseline.rates), mainRate(verb, result.rates)];
  const { latencyMs: earlier } = baseline;
  const { latencyMs: later } = result;
  return [
    { metric: 'rate', before, after, isWorse: after < before * (1 - tolerance) },
    ...(earlier && later ? latencies.map((name) => lower(name, earlier[name], later[name])) : []),
    lower('lost', baseline.lost, result.lost),
    lower('duplicates', baseline.duplicates, result.duplicates),
  ];
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isBaseline(value: unknown): value is Baseline {
  if (!hasNumbers(value, ['lost', 'duplicates'])) return false;
  const { type, verb, rates, latencyMs, settings } = value;
  if (settings !== undefined && !hasNumbers(settings, [])) return false;
  if (type !== 'result' || typeof verb !== 'string') return false;
  return (
    hasNumbers(rates, ['sent', 'confirmed', 'received']) &&
    (latencyMs === undefined || hasNumbers(latencyMs, latencies))
  );
}

function hasNumbers(value: unknown, keys: readonly string[]): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map(Object.entries(value));
  return keys.every((key) => typeof fields.get(key) === 'number');
}
