// Counts the outcomes of the messages of one run, prints them with --json, and keeps the first failure.

import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import { type Counts, ResumePoint } from '../session/counts.ts';
import type { PublishOutcome, WritableMessage } from '../session/outgoing-message.ts';
import { isClosedPipe, Printer } from '../terminal/printer.ts';
import { type Timer, time } from '../time.ts';

export class Tally {
  readonly #context: Context;
  readonly #printer: Printer | undefined;
  readonly #progress: Timer | undefined;
  #prints: Promise<void> = Promise.resolve();
  readonly #skip: number;
  readonly #resume: ResumePoint;
  readonly #counts: Counts | undefined;
  attempted = 0;
  #failed = 0;
  #first: MqError | undefined;
  /** The error of a closed stdout. It is a failure only if a part of the input was not sent. */
  #closed: MqError | undefined;
  confirmed = 0;
  /** `true` if the input was not read to its end. */
  isUnread = false;
  readonly #stopped = new AbortController();

  /** Starts the tally. `counts` receives the resume point, if the input has one. */
  constructor(context: Context, { json, skip, counts }: { json: boolean; skip: number; counts?: Counts }) {
    this.#skip = skip;
    this.#resume = new ResumePoint(skip);
    this.#counts = counts;
    this.#context = context;
    this.#printer = json ? new Printer(context.stdout) : undefined;
    if (context.stderr.isTTY) this.#progress = time.every(500, () => this.#showProgress()).unref();
  }

  /**
   * Aborts when no more messages should be sent, because the broker does not answer or stdout does not accept the
   * outcomes.
   */
  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Stops sending after a permanent failure. */
  end(error: MqError): void {
    this.#first ??= error;
    this.#stopped.abort();
  }

  /** Returns the number of the message, starting at 1. For input lines it is the line number. */
  attempt(): number {
    this.attempted += 1;
    return this.#skip + this.attempted;
  }

  count(number: number, message: WritableMessage, sent: PublishOutcome): void {
    if (this.#counts) {
      this.#resume.count(number, sent.type === 'confirmed');
      this.#counts.resume = this.#resume.lines;
    }
    if (sent.type === 'confirmed') this.confirmed += 1;
    else {
      this.#failed += 1;
      this.#first ??= sent.error;
      if (sent.type === 'in doubt') this.#stopped.abort();
    }
    if (!this.#printer) return;
    const { messageId } = message.properties;
    const why = sent.type === 'confirmed' ? {} : { code: sent.error.code, message: sent.error.message };
    this.#prints = this.#printer.json({ number, messageId, outcome: sent.type, ...why }).catch((error: MqError) => {
      this.#stopped.abort();
      if (isClosedPipe(error)) this.#closed ??= error;
      else this.#first ??= error;
    });
  }

  printed(): Promise<void> {
    return this.#prints;
  }

  /** Throws the first failure. */
  finish(): void {
    this.#progress?.cancel();
    if (this.#progress && this.#shown) this.#context.stderr.write('\r\u001b[K');
    const first = this.#first ?? (this.isUnread ? this.#closed : undefined);
    if (!first) return;
    if (this.attempted <= 1) throw first;
    const { code, message, hint } = first;
    const unread = this.isUnread ? `; the input after message ${this.#skip + this.attempted} was not sent` : '';
    const counts = `${this.confirmed} of ${this.attempted} messages confirmed, ${this.#failed} not${unread}`;
    throw new MqError(code, `${message} (${counts})`, { ...(hint && { hint }), cause: first });
  }

  #shown = false;
  #showProgress(): void {
    this.#shown = true;
    this.#context.stderr.write(`\r\u001b[K${this.confirmed} of ${this.attempted} messages confirmed`);
  }
}
