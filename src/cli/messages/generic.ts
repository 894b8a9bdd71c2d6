// mq publish, subscribe, request and reply: use any publication or subscription without a role in rascal.json.

import { type CheckedConfig, type Config, configFor } from '../../config/config.ts';
import { type Behaviour, roleFor, useOf, usesOf } from '../../config/role.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { nearest } from '../../terminal/nearest.ts';
import type { Option } from '../arguments/option.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { roleCommand, runRole } from '../commands/role.ts';
import type { CompletedCommand } from '../completion/candidates.ts';
import { roleExamples } from '../role-help.ts';
import { anyPublication, anySubscription } from './generic/any-target.ts';

export const genericNames = ['publish', 'subscribe', 'request', 'reply'] as const;
type GenericName = (typeof genericNames)[number];

interface Row {
  readonly behaviour: Behaviour;
  readonly summary: string;
  readonly options: readonly Option[];
  /** Examples for an exchange or queue that is not in rascal.json. */
  readonly examples: readonly string[];
}

const rows: Readonly<Record<GenericName, Row>> = {
  publish: {
    behaviour: 'publish',
    summary: 'publish to any publication, exchange or queue',
    options: optionSets.anyPublication,
    examples: [
      "mq publish --exchange orders --routing-key order.paid 'the text'",
      'mq publish --queue jobs --lines --delimiter NUL < jobs.bin',
    ],
  },
  subscribe: {
    behaviour: 'consume',
    summary: 'receive from any subscription, queue or exchange',
    options: optionSets.anySubscription,
    examples: ['mq subscribe --queue jobs --exec ./job.sh', "mq subscribe --exchange orders --key 'order.#'"],
  },
  request: {
    behaviour: 'request',
    summary: 'send requests to any publication by its name',
    options: optionSets.request,
    examples: [],
  },
  reply: {
    behaviour: 'reply',
    summary: 'answer requests of any subscription by its name',
    options: optionSets.reply,
    examples: [],
  },
};

/** Returns the commands for completions, which need no configuration. */
export function completedGenerics(): CompletedCommand[] {
  return genericNames.map((name) => {
    const { behaviour, summary, options } = rows[name];
    return { name, summary, usage: placeholderOf(useOf(behaviour)), options };
  });
}

export function genericCommand(name: GenericName, configs: CheckedConfig): Command {
  const { behaviour, summary, options, examples } = rows[name];
  const uses = useOf(behaviour);
  const { config } = configs;
  const role = { ...roleFor(behaviour, []), summary };
  const shape = roleCommand(name, role, { config, group: 'Any publication or subscription' });
  const example = Object.keys(config[`${uses}s`])[0] ?? placeholderOf(uses);
  return {
    ...shape,
    options,
    usage: `${placeholderOf(uses)}${shape.usage && ` ${shape.usage}`}`,
    examples: [...roleExamples(`${name} ${example}`, role), ...examples],
    run(context, values) {
      const any = anyTargetOf(name, values, { config, env: context.env });
      if (any) {
        const role = roleFor(behaviour, [any.name]);
        return runRole(context, values, { name, role, config: any.config, definedIn: config });
      }
      const { targets, rest } = targetsOf(values, uses, configs);
      const used = roleFor(behaviour, targets);
      return runRole(context, values.withArgs(rest), { name, role: used, config: configFor(configs, usesOf(used)) });
    },
  };
}

function anyTargetOf(name: GenericName, values: Values, { config, env }: Pick<Context, 'env'> & { config: Config }) {
  if (name === 'publish') return anyPublication(values, config);
  return name === 'subscribe' ? anySubscription(values, config, env) : undefined;
}

type Use = ReturnType<typeof useOf>;

/**
 * Returns the placeholder for the usage line. A receiving command accepts several names, and a sending one a single
 * name.
 */
function placeholderOf(uses: Use): string {
  return uses === 'subscription' ? '<subscription…>' : '<publication>';
}

/** Returns the named publications or subscriptions, and the arguments after them. Throws USAGE for an unknown name. */
function targetsOf(values: Values, uses: Use, { config, withBuiltin }: CheckedConfig) {
  const own = Object.keys(config[`${uses}s`]);
  // The names in the user's file come first.
  const known = Object.keys({ ...config[`${uses}s`], ...withBuiltin[`${uses}s`] });
  // All arguments of a receiving command are names. The arguments of a sending command are one name and the text.
  const count = uses === 'subscription' ? values.args.length : 1;
  const targets = new Set(values.args.slice(0, count).flatMap((word) => namesOf(word, { own, known, uses })));
  if (targets.size === 0) throw values.usage(`give the name of a ${uses}; ${listed(own, uses)}`);
  return { targets: [...targets], rest: values.args.slice(count) };
}

/**
 * Returns the names for an argument: the name itself, or the file's subscriptions that match a pattern such as
 * `orders.*`.
 */
function namesOf(
  word: string,
  { own, known, uses }: { own: readonly string[]; known: readonly string[]; uses: Use },
): readonly string[] {
  if (known.includes(word)) return [word];
  const isPattern = uses === 'subscription' && word.includes('*');
  const pattern = new RegExp(`^${word.split('*').map(RegExp.escape).join('.*')}$`, 's');
  const matching = isPattern ? own.filter((name) => pattern.test(name)) : [];
  if (matching.length > 0) return matching;
  const hint = listed(own, uses);
  if (isPattern) throw new MqError('USAGE', `no ${uses} matches '${word}'`, { hint });
  const near = nearest(word, known);
  const suggestion = near ? `; did you mean '${near}'?` : '';
  throw new MqError('USAGE', `there is no ${uses} '${word}'${suggestion}`, { hint });
}

/** Lists the names in the file. Without a file these are the names of the tutorials. */
function listed(own: readonly string[], uses: Use): string {
  if (own.length === 0) return `rascal.json has no ${uses}`;
  return `the ${uses}s are ${own.slice(0, 20).join(', ')}${own.length > 20 ? ', …' : ''}`;
}
