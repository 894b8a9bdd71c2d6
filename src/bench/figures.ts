// Defines what a benchmark counts: in one second, and in the whole run of one process. All of it can be added up over
// processes.

import type { MqError } from '../errors.ts';
import { type BucketCounts, Latencies } from './latencies.ts';

export interface Counted {
  /** Messages of the measurement, without those of the warm-up. */
  readonly sent: number;
  readonly confirmed: number;
  readonly received: number;
  /** Messages of the whole run. */
  readonly duplicates: number;
  readonly refused: number;
  readonly inDoubt: number;
  /** Time in which the broker blocked at least one connection, in milliseconds. */
  readonly blockedMs: number;
}

export interface Sampled extends Counted {
  /** From the intended time of sending to the receipt of the message or the reply. */
  readonly latency: BucketCounts;
  /** From the intended time of sending to the confirm. */
  readonly confirmLatency: BucketCounts;
}

export interface Second extends Sampled {
  /** Seconds from the start of the measurement to the end of this one. */
  readonly at: number;
}

/** An error of mq, as it is sent between processes. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface Part extends Sampled {
  /** Messages of the whole run that were sent, not refused, and not received. */
  readonly lost: number;
  /** Time from the start of the measurement to the last message that was sent, confirmed and received, in milliseconds. */
  readonly sentMs: number;
  readonly confirmedMs: number;
  readonly receivedMs: number;
  /** Processor time of the process during the measurement, and the time of the measurement. */
  readonly cpuMs: number;
  readonly elapsedMs: number;
  /** Number of messages that were sent more than `lateMs` after their time although the window had room. */
  readonly late: number;
  /** Failed messages by the code of their error. */
  readonly errors: Readonly<Record<string, number>>;
  readonly firstError: Failure | undefined;
  /** Error that ended the run early. */
  readonly failure: Failure | undefined;
  /** Product and version of the broker. */
  readonly broker: { readonly product: string; readonly version: string };
}

/** Milliseconds after which a message counts as late. Timers of Node are late by a few milliseconds. */
export const lateMs = 20;

export function failureOf({ code, message, hint }: MqError): Failure {
  return { code, message, ...(hint !== undefined && { hint }) };
}

export const nothing: Counted = {
  ...{ sent: 0, confirmed: 0, received: 0, duplicates: 0, refused: 0, inDoubt: 0, blockedMs: 0 },
};

/** Returns the sum of the counts, and the buckets of all. The blocked time is the longest one. */
export function sumOf(all: readonly Sampled[]): Sampled {
  const counted = all.reduce<Counted>(
    (sum, one) => ({
      sent: sum.sent + one.sent,
      confirmed: sum.confirmed + one.confirmed,
      received: sum.received + one.received,
      duplicates: sum.duplicates + one.duplicates,
      refused: sum.refused + one.refused,
      inDoubt: sum.inDoubt + one.inDoubt,
      blockedMs: Math.max(sum.blockedMs, one.blockedMs),
    }),
    nothing,
  );
  const joined = (of: (one: Sampled) => BucketCounts) => {
    const [only, ...others] = all;
    if (only !== undefined && others.length === 0) return of(only);
    const latencies = new Latencies();
    for (const one of all) latencies.add(of(one));
    return latencies.counts();
  };
  return { ...counted, latency: joined(({ latency }) => latency), confirmLatency: joined((one) => one.confirmLatency) };
}

/** Returns the latencies of these buckets. */
export function latenciesOf(counts: BucketCounts): Latencies {
  const latencies = new Latencies();
  latencies.add(counts);
  return latencies;
}
