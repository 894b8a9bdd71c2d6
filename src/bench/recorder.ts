// Records the events of one process: what was sent, confirmed, received and refused, and the latencies.

import type { MqError } from '../errors.ts';
import type { PublishOutcome } from '../session/outgoing-message.ts';
import { time } from '../time.ts';
import { type Failure, failureOf, lateMs, nothing, type Sampled, type Second } from './figures.ts';
import { Latencies } from './latencies.ts';

type Counts = { -readonly [Key in keyof typeof nothing]: number };

export class Recorder {
  /** Start of the measurement, on the monotonic clock. A message belongs to it if it should be sent after this time. */
  startMs = Number.POSITIVE_INFINITY;
  readonly #all: Counts = { ...nothing };
  #second: Counts = { ...nothing };
  readonly #latency = { all: new Latencies(), second: new Latencies() };
  readonly #confirmLatency = { all: new Latencies(), second: new Latencies() };
  readonly #last = { sent: 0, confirmed: 0, received: 0 };
  readonly #errors = new Map<string, number>();
  #firstError: Failure | undefined;
  #late = 0;

  get late(): number {
    return this.#late;
  }

  get errors(): { readonly byCode: Readonly<Record<string, number>>; readonly first: Failure | undefined } {
    return { byCode: Object.fromEntries(this.#errors), first: this.#firstError };
  }

  /** Milliseconds from the start of the measurement to the last event of each kind. 0 without one. */
  get spans(): { readonly sentMs: number; readonly confirmedMs: number; readonly receivedMs: number } {
    const { sent, confirmed, received } = this.#last;
    const from = (ms: number) => Math.max(0, ms - this.startMs);
    return { sentMs: from(sent), confirmedMs: from(confirmed), receivedMs: from(received) };
  }

  /** Records that a message is sent now. `isScheduled` is `false` if it had to wait for the window. */
  sent(intendedMs: number, isScheduled: boolean): void {
    if (intendedMs < this.startMs) return;
    this.#count('sent', 1);
    this.#last.sent = time.now();
    if (isScheduled && this.#last.sent - intendedMs > lateMs) this.#late += 1;
  }

  settled(outcome: PublishOutcome, intendedMs: number): void {
    if (outcome.type !== 'confirmed') this.failed(outcome.error, outcome.type === 'refused');
    else this.confirmed(intendedMs);
  }

  confirmed(intendedMs: number): void {
    if (intendedMs < this.startMs) return;
    this.#count('confirmed', 1);
    this.#last.confirmed = time.now();
    this.#record(this.#confirmLatency, this.#last.confirmed - intendedMs);
  }

  /** Records the receipt of a message or a reply. */
  received(intendedMs: number): void {
    if (intendedMs < this.startMs) return;
    this.#count('received', 1);
    this.#last.received = time.now();
    this.#record(this.#latency, this.#last.received - intendedMs);
  }

  /** Records the receipt of a message that waited in the queue, so that it has no latency. */
  consumed(): void {
    const now = time.now();
    if (now < this.startMs) return;
    this.#count('received', 1);
    this.#last.received = now;
  }

  duplicate(): void {
    this.#count('duplicates', 1);
  }

  failed(error: MqError, isRefused: boolean): void {
    this.#count(isRefused ? 'refused' : 'inDoubt', 1);
    this.#errors.set(error.code, (this.#errors.get(error.code) ?? 0) + 1);
    this.#firstError ??= failureOf(error);
  }

  blocked(ms: number): void {
    this.#count('blockedMs', ms);
  }

  /** Returns what happened since the last call. */
  cut(at: number): Second {
    const second = { at, ...this.#second, ...this.#buckets('second') };
    this.#second = { ...nothing };
    for (const { second: latencies } of [this.#latency, this.#confirmLatency]) latencies.reset();
    return second;
  }

  /** Returns everything so far. */
  all(): Sampled {
    return { ...this.#all, ...this.#buckets('all') };
  }

  #buckets(of: 'all' | 'second') {
    return { latency: this.#latency[of].counts(), confirmLatency: this.#confirmLatency[of].counts() };
  }

  #count(what: keyof Counts, by: number): void {
    this.#all[what] += by;
    this.#second[what] += by;
  }

  #record(latencies: { readonly all: Latencies; readonly second: Latencies }, ms: number): void {
    latencies.all.record(ms);
    latencies.second.record(ms);
  }
}
