// Runs the handler of a role for one message at a time, and counts and logs each run.

import { durationText } from '../../config/duration.ts';
import type { HandlerContext, Message, Outcome } from '../../handlers/handler.ts';
import { messageFields } from '../../handlers/message-fields.ts';
import { type Counts, observe } from '../../session/counts.ts';
import { time } from '../../time.ts';
import { type MessageTracer, type ProcessSpan, withTrace } from '../../tracing.ts';
import type { Settled } from './failures.ts';
import type { ConsumeSettings } from './settings.ts';

export interface HandlerRunsParts {
  readonly settings: Pick<ConsumeSettings, 'handler' | 'say' | 'isDebug'>;
  readonly counts: Counts;
  /** Records a span of each run. */
  readonly tracer?: MessageTracer | undefined;
}

export class HandlerRuns {
  readonly #settings: HandlerRunsParts['settings'];
  readonly #counts: Counts;
  readonly #tracer: MessageTracer | undefined;
  readonly #context: HandlerContext;
  /** Spans of messages that are handled and not settled yet. */
  readonly #unsettled = new Set<ProcessSpan>();

  /** `signal` aborts when the handlers must give up. */
  constructor({ settings, counts, tracer }: HandlerRunsParts, signal: AbortSignal) {
    this.#settings = settings;
    this.#counts = counts;
    this.#tracer = tracer;
    this.#context = { signal };
  }

  /** Returns the message for `run` and for its outcome. It has the context of the span, if mq records traces. */
  begin(message: Message): Message {
    if (!this.#tracer) return message;
    const span = this.#tracer.process(message);
    return { ...message, headers: withTrace(message.headers, span.context), span };
  }

  /** Returns the outcome without a promise if the handler does. `begun` is the time of the start. */
  run(message: Message, begun = time.now()): Outcome | Promise<Outcome> {
    const { unreadable } = message;
    if (unreadable) {
      const text = `a message is handled without headers: ${unreadable}`;
      this.#settings.say({ level: 'warn', event: 'unreadable', message: text, fields: messageFields(message) });
    }
    const outcome = this.#settings.handler.handle(message, this.#context);
    if (outcome instanceof Promise) return outcome.then((later) => this.#ended(message, later, begun));
    return this.#ended(message, outcome, begun);
  }

  /** Ends the span of a message that was handled. */
  settled({ span }: Message, { isDone, fate = isDone ? 'ack' : 'requeued' }: Settled): void {
    if (span && this.#unsettled.delete(span)) span.settle(fate);
  }

  /** Ends the spans of the messages that have returned to their queue. */
  end(): void {
    for (const span of this.#unsettled) span.settle('requeued');
    this.#unsettled.clear();
  }

  #ended(message: Message, outcome: Outcome, begun: number): Outcome {
    const { say, isDebug } = this.#settings;
    if (message.span) {
      message.span.handled(outcome);
      this.#unsettled.add(message.span);
    }
    this.#counts.handled += 1;
    const tookMs = time.now() - begun;
    observe(this.#counts.handlerSeconds, tookMs / 1000);
    if (outcome.type === 'ack' && isDebug) {
      const fields = { ...messageFields(message), milliseconds: Math.round(tookMs) };
      say({ level: 'debug', event: 'handled', message: `handled in ${durationText(tookMs)}`, fields });
    }
    return outcome;
  }
}
