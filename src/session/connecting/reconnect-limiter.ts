// Decides when to stop reconnecting: after a number of attempts or a time that the user sets. By default mq reconnects
// forever.

import { MqError } from '../../errors.ts';
import { type Timer, time } from '../../time.ts';

/** Limit for reconnecting. `tries: 0` and `never` stop at the first lost connection; the user has set the former. */
export type ReconnectLimit = { readonly tries: number } | { readonly milliseconds: number } | 'never';

export class ReconnectLimiter {
  readonly #limit: Exclude<ReconnectLimit, 'never'> | undefined;
  readonly #isNever: boolean;
  readonly #giveUp: (error: MqError) => void;
  #failures = 0;
  #timer: Timer | undefined;
  #last: MqError | undefined;

  constructor(limit: ReconnectLimit | undefined, giveUp: (error: MqError) => void) {
    this.#isNever = limit === 'never';
    this.#limit = limit === 'never' ? undefined : limit;
    this.#giveUp = giveUp;
  }

  /** Records that the connection was lost (`isFirst`) or could not be restored. */
  failed(error: MqError, { isFirst }: { isFirst: boolean }): void {
    if (this.#isNever) this.#giveUp(error);
    const limit = this.#limit;
    if (!limit) return;
    this.#last = error;
    if (isFirst) this.#failures = 0;
    else this.#failures += 1;
    if ('tries' in limit) {
      if (this.#failures >= limit.tries) this.#end(`${limit.tries} ${limit.tries === 1 ? 'try' : 'tries'}`);
    } else if (isFirst) {
      this.#timer = time.after(limit.milliseconds, () => this.#end(`${limit.milliseconds / 1000} s`));
    }
  }

  /** Resets the limit after a reconnect or a close. */
  stop(): void {
    this.#failures = 0;
    this.#timer?.cancel();
  }

  #end(after: string): void {
    const { message = '' } = this.#last ?? {};
    const isAtOnce = this.#limit && 'tries' in this.#limit && this.#limit.tries === 0;
    this.#giveUp(
      new MqError('UNAVAILABLE', isAtOnce ? message : `no connection after ${after}: ${message}`, {
        hint: isAtOnce
          ? '--exit-on-disconnect ends the role at the first lost connection'
          : '--max-reconnect sets the limit',
        cause: this.#last,
      }),
    );
  }
}
