// mq plan: shows every difference between rascal.json and a broker or exported definitions, and changes nothing.

import { promises } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { MqError, safeJson, systemReason } from '../../errors.ts';
import { widthOf, wrapped } from '../../terminal/wrap.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { refuseInput } from '../input/output-file.ts';
import { makePlan } from './plan/make.ts';
import { markdownOf } from './plan/markdown.ts';
import type { Plan } from './plan/plan-document.ts';
import { hintOf, textOf } from './plan/text.ts';

export function planCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'plan',
    summary: 'show how the broker differs from rascal.json',
    usage: '',
    options: optionSets.plan,
    group: 'Configuration',
    topic: 'planning',
    examples: [
      'mq plan',
      'mq plan --json --out plan.json',
      'mq plan --markdown --out comment.md',
      'mq plan --against definitions.json',
      'mq plan --amqp-only',
    ],
    async run(context, values) {
      values.expectAtMost(0);
      refuseContradictions(values);
      const out = values.name('out');
      if (out !== undefined) await refuseInput(context, values, { file: out, from: '--out' });
      const { plan } = await makePlan(context, values, await configOf(context));
      await print(context, values, plan);
      return plan.differences.length === 0 && plan.unfinished.length === 0 ? 0 : 1;
    },
  };
}

function refuseContradictions(values: Values): void {
  if (values.flag('json') && values.flag('markdown')) throw values.usage('--json and --markdown exclude each other');
  const other = ['against', 'management-url', 'trust-management'].find((name) => values.given.includes(name));
  if (values.flag('amqp-only') && other !== undefined) throw values.usage(`--amqp-only excludes --${other}`);
  if (values.name('against') === undefined) return;
  const unused = ['url', 'url-file', 'connection', 'management-url'].find((name) => values.name(name) !== undefined);
  if (unused !== undefined) throw values.usage(`--against needs no broker: it excludes --${unused}`);
}

/** Prints the plan, or writes it to the file of --out. */
async function print({ cwd, stdout, stderr }: Context, values: Values, plan: Plan): Promise<void> {
  const out = values.name('out');
  const isForPeople = !values.flag('json') && !values.flag('markdown');
  const text = values.flag('json')
    ? `${safeJson(plan)}\n`
    : values.flag('markdown')
      ? markdownOf(plan)
      : textOf(plan, widthOf(stdout));
  if (out === undefined) stdout.write(text);
  else
    await promises.writeFile(resolve(cwd, out), text).catch((error: unknown) => {
      throw new MqError('CANNOT_CREATE', `cannot write ${out}: ${systemReason(error)}`, { at: out, cause: error });
    });
  const hint = hintOf(plan);
  if (isForPeople && hint !== undefined)
    stderr.write(`${wrapped(`hint: ${hint}`, { width: widthOf(stderr), indent: 6 })}\n`);
}
