// Keeps the spans that are not sent yet, and sends them in batches. Messages never wait for it: while the collector does not
// answer, spans wait in a queue of bounded size, and further spans are lost. A dead collector costs one warning.

import type { Say } from '../../context.ts';
import { pause, type Timer, time } from '../../time.ts';
import type { Collector, PartialSuccess } from './request.ts';
import type { QueueLimits } from './settings.ts';
import type { Span } from './span.ts';

/** Pauses between two tries to send the same spans, in milliseconds. */
const firstPauseMs = 1000;
const longestPauseMs = 30_000;
/** Longest time for the last spans, if the collector has not accepted any, in milliseconds. */
const unprovenMs = 2000;

interface FlushLimits {
  readonly limitMs: number;
  /** Aborts when the process must end. */
  readonly abandon: AbortSignal;
}

export class SpanExporter {
  readonly #collector: Collector;
  readonly #limits: QueueLimits;
  readonly #say: Say;
  #waiting: Span[] = [];
  /** Spans of the current request. They are kept until the collector has accepted them. */
  #sending: readonly Span[] = [];
  #timer: Timer | undefined;
  #work: Promise<void> | undefined;
  /** Aborts when the last spans are being sent: nothing is tried again. */
  readonly #flush = new AbortController();
  /** Aborts the current request. */
  readonly #stop = new AbortController();
  #isProven = false;
  /** Reason why the last request failed. */
  #failure: string | undefined;
  #hasWarned = false;
  #isFull = false;
  /** Kinds of partial success that were reported. */
  readonly #partial = new Set<'rejected' | 'warning'>();
  /** Numbers of lost spans by cause. */
  readonly #lost = { full: 0, rejected: 0, failed: 0 };

  constructor(collector: Collector, limits: QueueLimits, say: Say) {
    this.#collector = collector;
    this.#limits = limits;
    this.#say = say;
  }

  add(span: Span): void {
    const { most, batch, delayMs } = this.#limits;
    if (this.#flush.signal.aborted) return;
    if (this.#waiting.length + this.#sending.length >= most) {
      this.#lost.full += 1;
      this.#isFull = true;
      this.#warn(`a queue of ${most} spans is full, and further spans are lost`);
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= batch) this.#begin();
    else this.#timer ??= time.after(delayMs, () => this.#begin()).unref();
  }

  /** Sends what waits, within the time limit. Reports the number of lost spans. */
  async close({ limitMs, abandon }: FlushLimits): Promise<void> {
    this.#flush.abort();
    const stop = () => this.#stop.abort();
    const limit = time.after(this.#isProven ? limitMs : Math.min(limitMs, unprovenMs), stop);
    abandon.addEventListener('abort', stop, { once: true });
    if (abandon.aborted) stop();
    // A request that began before is ended first.
    await this.#work;
    this.#begin();
    await this.#work;
    limit.cancel();
    abandon.removeEventListener('abort', stop);
    this.#reportLost();
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#work || this.#waiting.length === 0) return;
    this.#work = this.#sendAll().finally(() => {
      this.#work = undefined;
      // Spans that arrived in the meantime wait for others.
      if (this.#waiting.length > 0 && !this.#flush.signal.aborted)
        this.#timer ??= time.after(this.#limits.delayMs, () => this.#begin()).unref();
    });
  }

  /** Sends the waiting spans. Continues while a whole batch waits, or all of them are being flushed. */
  async #sendAll(): Promise<void> {
    const { batch } = this.#limits;
    do {
      this.#sending = this.#waiting.splice(0, batch);
      const isSent = await this.#sendUntilAnswered();
      if (!isSent) this.#lost.failed += this.#sending.length;
      this.#sending = [];
      if (!isSent && this.#flush.signal.aborted) this.#lost.failed += this.#waiting.splice(0).length;
    } while (this.#waiting.length >= (this.#flush.signal.aborted ? 1 : batch));
  }

  /** Tries until the collector accepts or refuses the spans. Returns `false` if they are lost. */
  async #sendUntilAnswered(): Promise<boolean> {
    const isFlushing = this.#flush.signal;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const wasFlushing = isFlushing.aborted;
      const result = await this.#collector.send(this.#sending, this.#stop.signal);
      if (result.type === 'sent') {
        if (result.partial) this.#answered(result.partial);
        this.#recovered();
        return true;
      }
      this.#failed(result.reason);
      if (result.type === 'refused' || wasFlushing || this.#stop.signal.aborted) return false;
      const waitMs = Math.max(result.afterMs ?? 0, pauseMs * (0.5 + time.random() / 2));
      await pause(Math.min(waitMs, longestPauseMs), { signal: isFlushing, ref: false });
    }
  }

  /** Reports the first answer that refuses some spans, and the first that only has a warning. */
  #answered({ rejected, reason }: PartialSuccess): void {
    this.#lost.rejected += rejected;
    const kind = rejected > 0 ? 'rejected' : 'warning';
    if (this.#partial.has(kind)) return;
    this.#partial.add(kind);
    const { shown } = this.#collector;
    const what = rejected > 0 ? `did not accept ${rejected} of ${this.#sending.length} spans` : 'has a warning';
    const why = reason === '' ? '' : `: ${reason}`;
    this.#say({ level: 'warn', event: 'traces', message: `the collector ${shown} ${what}${why}` });
  }

  #recovered(): void {
    // Without a failure, the collector is too slow, as long as whole batches wait.
    const isOver = this.#failure !== undefined || (this.#isFull && this.#waiting.length < this.#limits.batch);
    this.#failure = undefined;
    this.#isProven = true;
    if (!isOver || !this.#hasWarned) return;
    this.#hasWarned = false;
    this.#isFull = false;
    const lost = this.#lostCount;
    const message = `traces are sent to ${this.#collector.shown} again`;
    if (lost === 0) this.#say({ event: 'traces', message });
    else this.#say({ event: 'traces', message: `${message}; ${this.#lostText()} so far`, fields: { lost } });
  }

  #failed(reason: string): void {
    this.#failure = reason;
    this.#isProven = false;
    // At the end of the role, one line has the reason and the number of lost spans.
    if (!this.#flush.signal.aborted) this.#warn(`cannot send traces to ${this.#collector.shown}: ${reason}`);
  }

  #warn(message: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#say({ level: 'warn', event: 'traces', message });
  }

  #reportLost(): void {
    const lost = this.#lostCount;
    if (lost === 0) return;
    const isBlamed = this.#failure !== undefined && this.#lost.failed > 0;
    const why = isBlamed ? `cannot send traces to ${this.#collector.shown}: ${this.#failure}; ` : '';
    const level = this.#hasWarned || this.#partial.has('rejected') ? 'info' : 'warn';
    this.#say({ level, event: 'traces', message: `${why}${this.#lostText()}`, fields: { lost } });
  }

  get #lostCount(): number {
    const { full, rejected, failed } = this.#lost;
    return full + rejected + failed;
  }

  /** Returns the number of lost spans, with those that were not lost by a failed request: `3 spans are lost (2 …)`. */
  #lostText(): string {
    const { full, rejected } = this.#lost;
    const count = this.#lostCount === 1 ? '1 span is lost' : `${this.#lostCount} spans are lost`;
    const causes = [
      ...(full > 0 ? [`${full} because the queue of ${this.#limits.most} spans was full`] : []),
      ...(rejected > 0 ? [`${rejected} not accepted by the collector`] : []),
    ];
    return causes.length === 0 ? count : `${count} (${causes.join(', ')})`;
  }
}
