// Parses thresholds of mq bench, such as `p99<50ms`: a metric, an operator, and a value with its unit.

import { nearest } from '../../terminal/nearest.ts';

type Kind = 'time' | 'rate' | 'count' | 'share';

const latencies = ['p50', 'p90', 'p99', 'p99.5', 'p99.9', 'max', 'mean'];

/** Metrics of a threshold, with the kind of their values. */
const metrics: ReadonlyMap<string, Kind> = new Map([
  ...[...latencies, ...latencies.map((name) => `confirm-${name}`), 'blocked'].map((name) => [name, 'time'] as const),
  ...['rate', 'sent-rate', 'confirmed-rate', 'received-rate'].map((name) => [name, 'rate'] as const),
  ...['lost', 'duplicates', 'refused', 'in-doubt', 'limited'].map((name) => [name, 'count'] as const),
  ['cpu', 'share'],
  ['late', 'share'],
]);

const operators = ['<=', '>=', '==', '!=', '<', '>'] as const;

export interface Threshold {
  /** Text as the user typed it. */
  readonly text: string;
  readonly metric: string;
  readonly operator: (typeof operators)[number];
  /** A time is in milliseconds, a rate in messages a second, and a share in percent. */
  readonly value: number;
}

const units: Readonly<Record<Kind, Readonly<Record<string, number>>>> = {
  time: { us: 0.001, µs: 0.001, ms: 1, s: 1000, m: 60_000 },
  rate: { '': 1, '/s': 1 },
  count: { '': 1 },
  share: { '%': 1 },
};
const unitForms: Readonly<Record<Kind, string>> = {
  time: 'a time with a unit (us, ms, s or m)',
  rate: 'a number of messages a second',
  count: 'a number of messages',
  share: 'a percentage (80%)',
};

/** Returns the threshold, or the fault of the text. */
export function parseThreshold(text: string): Threshold | string {
  const [, metric = '', sign, digits, unit = ''] =
    /^\s*([^\s<>=!]+)\s*(<=|>=|==|!=|<|>)\s*(\d{1,12}(?:\.\d{1,6})?)\s*([a-zµ/%]*)\s*$/.exec(text) ?? [];
  const operator = operators.find((one) => one === sign);
  if (operator === undefined || digits === undefined)
    return `must be like p99<50ms, rate>2000 or lost==0, not '${text}'`;
  const kind = metrics.get(metric);
  if (kind === undefined) {
    const near = nearest(metric, [...metrics.keys()]);
    const suggestion = near === undefined ? '; the' : `; did you mean '${near}'? The`;
    return `unknown metric '${metric}'${suggestion} metrics are ${[...metrics.keys()].join(', ')}`;
  }
  const factor = Object.hasOwn(units[kind], unit) ? units[kind][unit] : undefined;
  if (factor === undefined) return `the value of ${metric} must be ${unitForms[kind]}, not '${digits}${unit}'`;
  return { text: text.trim(), metric, operator, value: Number(digits) * factor };
}

/** Returns the fault of a text that is not a threshold. */
export function thresholdFault(text: string): string | undefined {
  const parsed = parseThreshold(text);
  return typeof parsed === 'string' ? parsed : undefined;
}
