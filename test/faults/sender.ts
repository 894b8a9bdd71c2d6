// Runs the publisher of a trial, `mq publish --lines --json`, and writes to it at a steady rate. Records the reported outcomes
// in the history.

import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/until.ts';
import type { History, SenderOutcome } from './history.ts';
import { isEndBySigterm, type RoleProcess, startRole } from './process.ts';

export interface SenderSettings {
  readonly executable: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly history: History;
  /** Messages per second. */
  readonly rate: number;
  readonly window: number;
  /** Prefix of the bodies. */
  readonly name: string;
}

const tickMs = 10;

export class Sender {
  readonly #settings: SenderSettings;
  #process: RoleProcess | undefined;
  /** Messages of the current process without an outcome: line number → body. */
  #pending = new Map<number, string>();
  #line = 0;
  #number = 0;
  #clock: NodeJS.Timeout | undefined;
  #last = performance.now();

  constructor(settings: SenderSettings) {
    this.#settings = settings;
  }

  start(): void {
    this.#run();
    this.#last = performance.now();
    this.#clock = setInterval(() => this.#feed(), tickMs);
  }

  /** Writes a whole window of messages, sends the signal after `afterMs`, and starts another process. */
  async replace(signal: 'SIGKILL' | 'SIGTERM', afterMs: number): Promise<void> {
    const former = this.#process;
    if (former === undefined) throw new Error('the sender was not started');
    const pending = this.#pending;
    this.burst();
    await delay(afterMs);
    this.#process = undefined;
    former.child.kill(signal);
    const end = await former.ended;
    // Status 0 is also possible, if the process had finished all of its input when the signal arrived.
    if (signal === 'SIGTERM' && !isEndBySigterm(end, former))
      this.#settings.history.errors.push(
        `publisher: SIGTERM ended it with ${end.status ?? end.signal}: ${former.lastLines()}`,
      );
    for (const body of pending.values()) this.#settings.history.cutOff.add(body);
    this.#run();
  }

  /** Writes a whole window of messages, so that messages are in transit during the next action. */
  burst(): void {
    if (this.#process !== undefined) this.#write(this.#process, this.#settings.window);
  }

  /** Waits for the outcome of a message that is written after this call. */
  async answered(): Promise<void> {
    const { history, name } = this.#settings;
    const former = this.#number;
    await until('a new message has its outcome', () => {
      for (let number = this.#number; number > former; number -= 1)
        if (history.outcomes.has(`${name}-${number}`)) return true;
      return false;
    });
  }

  /** Ends the input and waits until the process has ended. Records an unexpected end. */
  async finish(withinMs: number): Promise<void> {
    clearInterval(this.#clock);
    const running = this.#process;
    if (running === undefined) return;
    const { history } = this.#settings;
    running.child.stdin.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), withinMs);
    });
    const end = await Promise.race([running.ended, late]);
    clearTimeout(timer);
    if (end === undefined) {
      history.errors.push(`publisher: did not end in ${withinMs} ms: ${running.lastLines()}`);
      this.kill();
      await running.ended;
    } else if (end.status === 0 && this.#pending.size > 0) {
      history.errors.push(`publisher: ended with 0 and reported no outcome for ${this.#pending.size} messages`);
    } else if (end.status !== 0 && ![...history.outcomes.values()].some((outcome) => outcome !== 'confirmed')) {
      history.errors.push(`publisher: ended with ${end.status ?? end.signal}: ${running.lastLines()}`);
    }
  }

  kill(): void {
    clearInterval(this.#clock);
    this.#process?.child.kill('SIGKILL');
  }

  #run(): void {
    const { executable, cwd, env, history, window } = this.#settings;
    const pending = new Map<number, string>();
    this.#pending = pending;
    this.#line = 0;
    const args = ['publish', 'faults', '--lines', '--json', '--window', String(window), '--timeout', '600'];
    const onLine = (line: string) => {
      const { number, outcome } = JSON.parse(line) as { number: number; outcome: SenderOutcome };
      const body = pending.get(number);
      if (body === undefined) return void history.errors.push(`publisher: an outcome without a message: ${line}`);
      pending.delete(number);
      history.outcomes.set(body, outcome);
    };
    const started = startRole({ executable, args, cwd, env, onLine });
    this.#process = started;
    void started.ended.then(({ status, signal }) => {
      // The end is expected if the process was replaced or its input has ended.
      if (this.#process !== started || started.child.stdin.writableEnded) return;
      history.errors.push(`publisher: ended with ${status ?? signal} by itself: ${started.lastLines()}`);
      this.#process = undefined;
    });
  }

  /** Writes as many messages as the rate requires, but at most two windows of messages without an outcome. */
  #feed(): void {
    const { rate } = this.#settings;
    const now = performance.now();
    const due = Math.min(rate, Math.floor(((now - this.#last) * rate) / 1000));
    if (due === 0) return;
    this.#last = now;
    if (this.#process !== undefined) this.#write(this.#process, due);
  }

  #write(running: RoleProcess, count: number): void {
    const { window, history, name } = this.#settings;
    const lines: string[] = [];
    while (lines.length < count && this.#pending.size < 2 * window) {
      const body = `${name}-${++this.#number}`;
      this.#pending.set(++this.#line, body);
      history.attempted.set(body, Date.now());
      lines.push(`${body}\n`);
    }
    if (lines.length > 0) running.child.stdin.write(lines.join(''));
  }
}
