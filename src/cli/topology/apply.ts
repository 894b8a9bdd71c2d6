// mq apply: makes the plan, asks for consent, and creates what is missing and sets policies.

import type { Prune } from '../../apply/prune.ts';
import type { Place, Step } from '../../apply/step.ts';
import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { widthOf } from '../../terminal/wrap.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { canAsk, isConfirmed } from '../input/question.ts';
import { ApplyOutput } from './apply/output.ts';
import { Targets } from './apply/targets.ts';
import { type MadePlan, makePlan } from './plan/make.ts';
import type { Plan, PlannedDifference } from './plan/plan-document.ts';
import { assertCurrent, readSavedPlan } from './plan/saved.ts';
import { textOf } from './plan/text.ts';

type ConfigOf = (context: Context) => Promise<Config>;

export function applyCommand(configOf: ConfigOf): Command {
  return {
    name: 'apply',
    summary: 'create what is missing on the broker, and set policies',
    usage: '[plan-file]',
    options: optionSets.apply,
    group: 'Configuration',
    topic: 'planning',
    examples: [
      'mq apply',
      'mq apply --yes --json',
      'mq plan --json --out plan.json',
      'mq apply plan.json --yes',
      'mq apply --replace orders',
    ],
    async run(context, values) {
      values.expectAtMost(1);
      if (values.flag('drop-messages') && !values.flag('prune')) throw values.usage('--drop-messages requires --prune');
      if (!values.flag('yes') && !canAsk(context))
        throw values.usage('apply changes the broker: without a terminal it requires --yes');
      return apply(context, values, configOf);
    },
  };
}

async function apply(context: Context, values: Values, configOf: ConfigOf): Promise<number> {
  const [file] = values.args;
  const saved = file === undefined ? undefined : await readSavedPlan(context, file);
  const config = await configOf(context);
  const made = await makePlan(context, values, config);
  if (saved !== undefined) assertCurrent(saved, made.plan);
  const replaced = values.list('replace');
  const prunes = values.flag('prune') ? await prunesOf(made, values) : [];
  const steps = await stepsOf(made, { replaced, prunes });
  const output = new ApplyOutput(context, { isJson: values.flag('json') === true, count: steps.length });
  showPlan(context, values, { plan: made.plan, isApplied: steps.length > 0 });
  if (steps.length > 0) {
    const targets = new Targets(context, values, { config, made, onResult: (report) => output.report(report) });
    try {
      // Obstacles are reported before anything changes.
      for (const { place, check } of prunes) await check(await targets.open(place));
      if (!values.flag('yes')) await consent(context, values, { config, made, count: steps.length, targets });
      const { runSteps } = await import('../../apply/engine.ts');
      await runSteps(steps, {
        open: (place) => targets.open(place),
        signal: context.drain,
        onStart: (step, at) => targets.showProgress(output.start(step, at)),
        onDone: (step, at) => output.done(step, at),
      });
    } finally {
      output.end();
      await targets.close();
    }
  }
  const left = (await leftOf(made, replaced)).filter(
    ({ action }) => action === 'replace' || action === 'blocked' || (action === 'delete' && prunes.length === 0),
  );
  output.summary(left);
  // A deletion that was not asked for is no reason to fail.
  return left.every(({ action }) => action === 'delete') ? 0 : 1;
}

/** Prints the plan on stdout, or for a question on the terminal. */
function showPlan(
  { stdout, stderr }: Context,
  values: Values,
  { plan, isApplied }: { plan: Plan; isApplied: boolean },
): void {
  const isAsked = isApplied && !values.flag('yes');
  const isJson = values.flag('json') === true;
  if (!isJson) stdout.write(`${textOf(plan, widthOf(stdout), { isAsked })}${isApplied ? '\n' : ''}`);
  if (isAsked && (isJson || !stdout.isTTY)) stderr.write(`${textOf(plan, widthOf(stderr), { isAsked })}\n`);
}

type PlacedPrune = Prune & { readonly place: Place };

async function prunesOf({ vhosts }: MadePlan, values: Values): Promise<PlacedPrune[]> {
  const { pruneSteps } = await import('../../apply/prune.ts');
  const settings = { dropsMessages: values.flag('drop-messages') === true };
  const prunes = vhosts.map((one) => ({ place: one, ...pruneSteps({ ...one, place: one }, settings) }));
  return prunes.filter(({ steps }) => steps.length > 0);
}

interface Asking {
  /** Names of --replace. */
  readonly replaced: readonly string[];
  readonly prunes: readonly PlacedPrune[];
}

async function leftOf({ plan }: MadePlan, replaced: readonly string[]): Promise<PlannedDifference[]> {
  const { withoutReplaced } = await import('../../apply/replacing.ts');
  return withoutReplaced(plan.differences, replaced);
}

/** Throws the errors of assertReplacements. */
async function stepsOf({ vhosts }: MadePlan, { replaced, prunes }: Asking): Promise<Step[]> {
  const [{ ordered }, { creatingSteps }, { assertReplacements, replacedQueues, replacingSteps, withoutReplaced }] =
    await Promise.all([
      import('../../apply/engine.ts'),
      import('../../apply/steps.ts'),
      import('../../apply/replacing.ts'),
    ]);
  const all = vhosts.map((one) => ({ ...one, place: one }));
  assertReplacements(all, replaced);
  return ordered([
    ...all.flatMap((one) => replacingSteps(one, replaced)),
    ...all.flatMap((one) =>
      creatingSteps({ ...one, differences: withoutReplaced(one.differences, replacedQueues(one, replaced)) }),
    ),
    ...prunes.flatMap(({ steps }) => steps),
  ]);
}

interface Asked {
  readonly config: Config;
  readonly made: MadePlan;
  readonly count: number;
  readonly targets: Targets;
}

/** Throws ANSWER_NO without consent, and OUTDATED if the broker has changed while the user decided. */
async function consent(context: Context, values: Values, { config, made, count, targets }: Asked): Promise<void> {
  const brokers = await targets.brokerNames();
  const changes = count === 1 ? '1 change' : `${count} changes`;
  const loss = values.flag('drop-messages') ? ', and lose the messages of the queues to delete' : '';
  if (!(await isConfirmed(context, `make ${changes} on ${brokers}${loss}?`)))
    throw new MqError('ANSWER_NO', 'nothing was done');
  const { plan } = await makePlan(context, values, config);
  const { against, vhosts, differences } = made.plan;
  assertCurrent({ against, vhosts, differences: differences.map((one) => ({ ...one })) }, plan);
}
