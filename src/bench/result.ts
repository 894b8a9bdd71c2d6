// Computes the result of a benchmark from the parts of its processes: rates, latencies, and what limited it.

import { type Counted, type Failure, latenciesOf, type Part, type Sampled, type Second, sumOf } from './figures.ts';
import type { BucketCounts } from './latencies.ts';
import type { BenchVerb } from './load.ts';

const percentiles = { p50: 50, p90: 90, p99: 99, 'p99.5': 99.5, 'p99.9': 99.9 } as const;

/** Latencies in milliseconds. `undefined` if there is no value. */
export interface LatencySummary {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly 'p99.5': number;
  readonly 'p99.9': number;
  readonly max: number;
  readonly mean: number;
}

interface Rates {
  /** Messages a second. */
  readonly sent: number;
  readonly confirmed: number;
  readonly received: number;
}

export interface Result extends Counted {
  readonly lost: number;
  readonly rates: Rates;
  /** Latency of the verb: of the confirm for `publish`, else to the receipt of the message or the reply. */
  readonly latencyMs: LatencySummary | undefined;
  readonly confirmLatencyMs: LatencySummary | undefined;
  /** Buckets of `latencyMs`, in microseconds. */
  readonly histogram: BucketCounts;
  /** Processor time of all processes of mq, in percent of one processor. */
  readonly cpuPercent: number;
  /** Share of the messages that mq sent late although the window had room, in percent. */
  readonly latePercent: number;
  /** `true` if the load generator was the limit, and the reason. */
  readonly limited: boolean;
  readonly limit: string | undefined;
  readonly errors: Readonly<Record<string, number>>;
  readonly firstError: Failure | undefined;
  /** Error that ended the run early. */
  readonly failure: Failure | undefined;
  readonly broker: Part['broker'];
}

/** Share of a processor from which a process counts as busy. */
const busy = 0.95;
/** Share of late messages from which the schedule counts as late. */
const mostLate = 0.01;

export function resultOf(verb: BenchVerb, parts: readonly Part[]): Result {
  const { latency, confirmLatency, ...counted } = sumOf(parts);
  const main = verb === 'publish' ? confirmLatency : latency;
  const limit = limitOf(parts);
  const errors: Record<string, number> = {};
  for (const part of parts) {
    for (const [code, count] of Object.entries(part.errors)) errors[code] = (errors[code] ?? 0) + count;
  }
  return {
    ...counted,
    lost: parts.reduce((sum, { lost }) => sum + lost, 0),
    rates: {
      sent: rateOf(parts, ({ sent, sentMs }) => [sent, sentMs]),
      confirmed: rateOf(parts, ({ confirmed, confirmedMs }) => [confirmed, confirmedMs]),
      received: rateOf(parts, ({ received, receivedMs }) => [received, receivedMs]),
    },
    latencyMs: summaryOf(main),
    confirmLatencyMs: summaryOf(confirmLatency),
    histogram: main,
    cpuPercent: rounded(parts.reduce((sum, { cpuMs, elapsedMs }) => sum + (100 * cpuMs) / Math.max(1, elapsedMs), 0)),
    latePercent: rounded(100 * lateShare(parts)),
    limited: limit !== undefined,
    limit,
    errors,
    firstError: parts.find(({ firstError }) => firstError !== undefined)?.firstError,
    failure: parts.find(({ failure }) => failure !== undefined)?.failure,
    broker: parts[0]?.broker ?? { product: '', version: '' },
  };
}

/** Returns the rate of a verb: confirmed messages, else received ones. */
export function mainRate(verb: BenchVerb, { confirmed, received }: Rates): number {
  return verb === 'publish' ? confirmed : received;
}

/** Returns the latencies of a verb in one second. */
export function mainLatency(verb: BenchVerb, { latency, confirmLatency }: Sampled): BucketCounts {
  return verb === 'publish' ? confirmLatency : latency;
}

export function summaryOf(counts: BucketCounts): LatencySummary | undefined {
  const latencies = latenciesOf(counts);
  if (latencies.total === 0) return undefined;
  const at = (percent: number) => latencies.percentileMs(percent);
  const { p50, p90, p99 } = percentiles;
  return {
    ...{
      p50: at(p50),
      p90: at(p90),
      p99: at(p99),
      'p99.5': at(percentiles['p99.5']),
      'p99.9': at(percentiles['p99.9']),
    },
    max: latencies.maxMs,
    mean: rounded(latencies.meanMs),
  };
}

/** Returns the percentage of a percentile's name, such as 99.5 for `p99.5`. */
export function percentOf(metric: string): number | undefined {
  return Object.entries(percentiles).find(([name]) => name === metric)?.[1];
}

/** Adds up the seconds of several processes that have the same time. */
export class Seconds {
  readonly #processes: number;
  readonly #waiting = new Map<number, Second[]>();

  constructor(processes: number) {
    this.#processes = processes;
  }

  /** Returns the sum when the last process has reported the second. */
  add(second: Second): Second | undefined {
    // The last second of a process may be shorter.
    const at = Math.ceil(second.at);
    const all = [...(this.#waiting.get(at) ?? []), second];
    this.#waiting.set(at, all);
    return all.length < this.#processes ? undefined : this.#sum(at, all);
  }

  /** Returns the sums of the seconds that not all processes have reported. */
  rest(): Second[] {
    return [...this.#waiting].toSorted(([one], [other]) => one - other).map(([at, all]) => this.#sum(at, all));
  }

  #sum(at: number, all: readonly Second[]): Second {
    this.#waiting.delete(at);
    return { ...sumOf(all), at: Math.max(...all.map((second) => second.at)) };
  }
}

function rateOf(parts: readonly Part[], of: (part: Part) => [count: number, ms: number]): number {
  const rates = parts.map((part) => {
    const [count, ms] = of(part);
    return ms === 0 ? 0 : (count * 1000) / ms;
  });
  return rounded(rates.reduce((sum, rate) => sum + rate, 0));
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function limitOf(parts: readonly Part[]): string | undefined {
  const shares = parts.map(({ cpuMs, elapsedMs }) => cpuMs / Math.max(1, elapsedMs));
  const most = Math.max(...shares);
  if (most >= busy) return `a process of mq used ${Math.round(100 * most)} % of a processor`;
  const late = lateShare(parts);
  if (late <= mostLate) return undefined;
  return `${Math.round(100 * late)} % of the messages were sent late`;
}

/** Returns the share of the messages that were sent late: 0.01 is 1 %. */
function lateShare(parts: readonly Part[]): number {
  const late = parts.reduce((sum, part) => sum + part.late, 0);
  return (
    late /
    Math.max(
      1,
      parts.reduce((sum, { sent }) => sum + sent, 0),
    )
  );
}
