// mq tap: shows live messages of exchanges without taking any.

import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { escaped } from '../../errors.ts';
import { aborted } from '../../signal.ts';
import { isClosedPipe, Printer } from '../../terminal/printer.ts';
import { pause, time } from '../../time.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Candidate, Command, KnownNames } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { exchangedJson, exchangedText } from './tap/lines.ts';
import { type Exchanged, Replies } from './tap/replies.ts';
import { openWatch, type Watch } from './tap/watch.ts';

export function tapCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'tap',
    summary: 'show live messages of exchanges without taking any',
    usage: '[publication | exchange[:key]…]',
    options: optionSets.tap,
    group: 'Operation',
    topic: 'messages',
    examples: [
      'mq tap topic_logs',
      "mq tap 'topic_logs:kern.*' logs --json",
      'mq tap orders --only-safe --filter tenant=acme --count 10',
      'mq tap --firehose rpc --match-replies',
    ],
    completes,
    async run(context, values) {
      const settings = settingsOf(values);
      const watch = await openWatch(context, values, await configOf(context));
      await new Run(context, values, { watch, settings }).run();
    },
  };
}

async function completes(_: readonly string[], { publications, exchanges }: KnownNames): Promise<Candidate[]> {
  return [...new Set([...publications, ...exchanges])].map((name) => [name]);
}

interface Settings {
  readonly count: number;
  readonly idleMs: number | undefined;
  readonly json: boolean;
  readonly matchesReplies: boolean;
}

function settingsOf(values: Values): Settings {
  return {
    count: values.whole('count', { min: 1 }) ?? Number.POSITIVE_INFINITY,
    idleMs: values.duration('idle'),
    json: values.flag('json') === true,
    matchesReplies: values.flag('match-replies') === true,
  };
}

const secondMs = 1000;
/** Milliseconds in which the last lines must be written after a signal. */
const lastLinesMs = 500;

class Run {
  readonly #context: Context;
  readonly #watch: Watch;
  readonly #settings: Settings;
  readonly #printer: Printer;
  readonly #note: (text: string) => void;
  readonly #replies: Replies | undefined;
  #lines = 0;
  #lastLineMs = time.now();
  #reportedMissed = 0;
  #printed: Promise<void> = Promise.resolve();

  constructor(context: Context, values: Values, { watch, settings }: { watch: Watch; settings: Settings }) {
    this.#context = context;
    this.#watch = watch;
    this.#settings = settings;
    this.#printer = new Printer(context.stdout);
    this.#note = noteOf(context, values.command);
    this.#replies = settings.matchesReplies ? new Replies() : undefined;
  }

  /** Prints messages until the count, the idle time, a signal, or the end of the reader. */
  async run(): Promise<void> {
    const { drain, abandon } = this.#context;
    const watch = this.#watch;
    const stop = () => watch.stop();
    drain.addEventListener('abort', stop, { once: true });
    if (drain.aborted) stop();
    const ticks = time.every(secondMs, () => this.#tick());
    this.#context.announceReady?.();
    this.#note(`waiting for messages from ${watch.names}`);
    const shown = this.#show();
    try {
      await Promise.race([shown, aborted(drain)]);
    } catch (error) {
      if (!isClosedPipe(error)) throw error;
    } finally {
      ticks.cancel();
      drain.removeEventListener('abort', stop);
      await watch.close();
      // After a signal, the last lines may wait for a reader that has stopped.
      await Promise.race([shown.catch(() => undefined), aborted(abandon), pause(lastLinesMs, { ref: false })]);
      this.#note(this.#summary());
    }
  }

  async #show(): Promise<void> {
    for await (const message of this.#watch.messages()) {
      for (const one of this.#replies?.add(message) ?? [{ message }]) {
        // The next message is requested when this one is written, so that a slow reader fills no memory.
        await this.#print(one);
        if (this.#lines >= this.#settings.count) return;
      }
    }
    for (const one of this.#replies?.rest() ?? []) if (this.#lines < this.#settings.count) await this.#print(one);
  }

  #print(one: Exchanged): Promise<void> {
    this.#lines += 1;
    this.#lastLineMs = time.now();
    this.#printed = this.#settings.json
      ? this.#printer.json(exchangedJson(one))
      : this.#printer.text(escaped(exchangedText(one)));
    return this.#printed;
  }

  /** Prints requests without a reply, reports missed messages, and ends an idle tap. */
  #tick(): void {
    for (const one of this.#replies?.expired() ?? []) this.#print(one).catch(() => this.#watch.stop());
    const { count } = this.#watch.missed;
    if (count > this.#reportedMissed)
      this.#note(`${count} messages missed, because the output is slower than the broker`);
    this.#reportedMissed = count;
    const { idleMs, count: most } = this.#settings;
    if (this.#lines >= most || (idleMs !== undefined && time.now() - this.#lastLineMs >= idleMs)) this.#watch.stop();
  }

  #summary(): string {
    const { count, isExact } = this.#watch.missed;
    const missed = isExact
      ? `${count} missed`
      : count === 0
        ? 'missed ones were not counted'
        : `at least ${count} missed`;
    const { unread } = this.#watch;
    return `${this.#lines} shown, ${missed}${unread > 0 ? `, ${unread} not read at the end` : ''}`;
  }
}
