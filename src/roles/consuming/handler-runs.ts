// Runs the handler of a role for one message at a time, and counts and logs each run.

import { durationText } from '../../config/duration.ts';
import type { HandlerContext, Message, Outcome } from '../../handlers/handler.ts';
import { messageFields } from '../../handlers/message-fields.ts';
import { type Counts, observe } from '../../session/counts.ts';
import { time } from '../../time.ts';
import type { ConsumeSettings } from './settings.ts';

type HandlerSettings = Pick<ConsumeSettings, 'handler' | 'say' | 'isDebug'>;

export class HandlerRuns {
  readonly #settings: HandlerSettings;
  readonly #counts: Counts;
  readonly #context: HandlerContext;

  /** `signal` aborts when the handlers must give up. */
  constructor(settings: HandlerSettings, counts: Counts, signal: AbortSignal) {
    this.#settings = settings;
    this.#counts = counts;
    this.#context = { signal };
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

  #ended(message: Message, outcome: Outcome, begun: number): Outcome {
    const { say, isDebug } = this.#settings;
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
