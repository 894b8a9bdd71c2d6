// Runs the steps one after the other, in the order of their stages.

import { type ErrorCode, escaped, MqError } from '../errors.ts';
import { interruption } from '../signal.ts';
import { objectText } from '../topology/object-text.ts';
import { type Place, type Step, stages, type Target } from './step.ts';

interface Run {
  /** Returns the connections to a vhost. Called once for each vhost that is changed. */
  readonly open: (place: Place) => Promise<Target>;
  readonly signal: AbortSignal;
  readonly onStart: (step: Step, at: number) => void;
  readonly onDone: (step: Step, at: number) => void;
}

/** Returns the steps in the order in which they run. The order within a stage is kept. */
export function ordered(steps: readonly Step[]): Step[] {
  return steps.toSorted((one, other) => stages.indexOf(one.stage) - stages.indexOf(other.stage));
}

/**
 * Runs ordered steps. A failed step ends the run, and its error contains the step. Throws INTERRUPTED or TERMINATED at
 * a signal, after the current step.
 */
export async function runSteps(steps: readonly Step[], { open, signal, onStart, onDone }: Run): Promise<void> {
  const targets = new Map<Place, Target>();
  for (const [at, step] of steps.entries()) {
    const opened = targets.get(step.place);
    if (signal.aborted) {
      const error = interruption(signal, `stopped by a signal; ${at} of ${steps.length} steps are done`, {
        hint: finishHint,
      });
      throw opened === undefined || step.stopped === undefined ? error : await step.stopped(opened, error);
    }
    const target = opened ?? (await open(step.place));
    targets.set(step.place, target);
    onStart(step, at);
    try {
      await step.run(target);
    } catch (error) {
      throw failed(error, { step, at, count: steps.length });
    }
    onDone(step, at);
  }
}

/** Returns `create queue orders`. */
export function stepText({ action, object }: Pick<Step, 'action' | 'object'>): string {
  return `${action} ${objectText(object, escaped)}`;
}

const finishHint = 'run mq apply again to finish';
/** Another client has changed the broker after the plan was made. */
const raceHint = 'mq plan shows how the broker differs now';

function failed(error: unknown, { step, at, count }: { step: Step; at: number; count: number }): unknown {
  if (!(error instanceof MqError) || error.code === 'BUG') return error;
  const { code, message, problems } = error;
  const what = `cannot ${stepText(step)}: ${message}; ${at} of ${count} steps are done`;
  const hint = hintOf(error, step);
  return new MqError(code, what, { ...(hint !== undefined && { hint }), problems, cause: error });
}

/** Codes of errors after which a second run may finish. A permanent error needs another change first. */
const transient: readonly ErrorCode[] = ['UNAVAILABLE', 'HOST_UNKNOWN', 'DEADLINE', 'REFUSED', 'OUTDATED', 'IN_USE'];

function hintOf({ code, hint }: MqError, { action }: Step): string | undefined {
  if (code === 'IN_DOUBT' || code === 'INTERRUPTED' || code === 'TERMINATED') return finishHint;
  // Before a replacement fails because of the topology, mq has compared again. Any other such error is a race.
  if (code === 'TOPOLOGY') return action === 'replace' ? hint : raceHint;
  return hint ?? (transient.includes(code) ? finishHint : undefined);
}
