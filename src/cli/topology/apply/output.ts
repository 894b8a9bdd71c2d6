// Prints the steps of mq apply as lines of text or JSON, and shows the current step on a terminal.

import { stepText } from '../../../apply/engine.ts';
import type { Step } from '../../../apply/step.ts';
import type { Context } from '../../../context.ts';
import { safeJson } from '../../../errors.ts';
import { Progress } from '../../../terminal/progress.ts';
import { widthOf, wrapped } from '../../../terminal/wrap.ts';
import type { PlannedDifference } from '../plan/plan-document.ts';

interface Settings {
  readonly isJson: boolean;
  /** Number of all steps. */
  readonly count: number;
}

export class ApplyOutput {
  readonly #context: Pick<Context, 'stdout' | 'stderr'>;
  readonly #settings: Settings;
  readonly #progress: Progress;
  #done = 0;

  constructor(context: Pick<Context, 'stdout' | 'stderr'>, settings: Settings) {
    this.#context = context;
    this.#settings = settings;
    this.#progress = new Progress(context.stderr, settings.count);
  }

  /** Shows the step on a terminal. Returns a function that shows how far it is. */
  start(step: Step, at: number): (text: string) => void {
    const text = stepText(step);
    this.#progress.begin(at, text);
    return (more) => this.#progress.begin(at, `${text}: ${more}`);
  }

  done(step: Step, at: number): void {
    this.end();
    this.#done += 1;
    if (!this.#settings.isJson) {
      this.#context.stdout.write(`done: ${stepText(step)}\n`);
      return;
    }
    const { action, object, place } = step;
    this.#line({ result: 'done', step: at + 1, steps: this.#settings.count, vhost: place.vhost, action, ...object });
  }

  /** Removes the current step from the terminal. */
  end(): void {
    this.#progress.end();
  }

  /** Prints the number of changes, and what is left because it needs the user's decision. */
  summary(left: readonly PlannedDifference[]): void {
    if (this.#settings.isJson) {
      for (const { risk, ...one } of left) this.#line({ result: 'left', ...one, ...(risk !== undefined && { risk }) });
      return;
    }
    const { stdout, stderr } = this.#context;
    if (this.#done > 0) stdout.write(`${this.#done === 1 ? '1 change' : `${this.#done} changes`} made\n`);
    if (left.length === 0) return;
    const hint =
      'mq apply neither replaces nor deletes anything; the lines "why" and "risk" of the plan show the reasons';
    stderr.write(`${wrapped(`hint: ${hint}`, { width: widthOf(stderr), indent: 6 })}\n`);
  }

  #line(value: object): void {
    this.#context.stdout.write(`${safeJson(value)}\n`);
  }
}
