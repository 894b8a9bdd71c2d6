// Prints the steps of mq apply as lines of text or JSON, and shows the current step on a terminal.

import { stepText } from '../../../apply/engine.ts';
import type { Step } from '../../../apply/step.ts';
import { reportText, type StepReport } from '../../../apply/step-report.ts';
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
  /** Report of the current step. */
  #report: StepReport | undefined;

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

  /** Keeps the report of a step until its step is done. */
  report(report: StepReport): void {
    this.#report = report;
  }

  done(step: Step, at: number): void {
    this.end();
    this.#done += 1;
    const report = this.#report;
    this.#report = undefined;
    if (!this.#settings.isJson) {
      const more = report === undefined ? '' : `: ${reportText(report)}`;
      this.#context.stdout.write(`done: ${stepText(step)}${more}\n`);
      return;
    }
    const { action, object, place } = step;
    const common = { step: at + 1, steps: this.#settings.count, vhost: place.vhost };
    this.#line({ result: 'done', ...common, action, ...object, ...report });
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
    const deletions = left.filter(({ action }) => action === 'delete').length;
    const hint = deletions === left.length ? leftDeletions(deletions) : leftDifferences;
    stderr.write(`${wrapped(`hint: ${hint}`, { width: widthOf(stderr), indent: 6 })}\n`);
  }

  #line(value: object): void {
    this.#context.stdout.write(`${safeJson(value)}\n`);
  }
}

const leftDifferences =
  'mq apply replaces only the queues of --replace; the lines "why" and "risk" of the plan show the reasons';

function leftDeletions(count: number): string {
  return `${count === 1 ? '1 object is' : `${count} objects are`} left that rascal.json owns and does not define: mq apply --prune deletes them`;
}
