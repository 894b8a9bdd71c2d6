// Chooses the verb that a command line names, and refuses options that the verb does not accept.

import type { Option } from './arguments/option.ts';
import { wordOf } from './arguments/program.ts';
import type { Values } from './arguments/values.ts';
import type { Command, Verb } from './command.ts';

/** A command, a verb or an action with the options that it accepts. Its name is `cluster up` for `mq cluster up`. */
export interface OptionOwner {
  readonly name: string;
  readonly options: readonly Pick<Option, 'name'>[];
}

/** Maximum number of commands and verbs that a hint names. */
const mostNames = 6;

/**
 * Returns the function and the values of the verb that the first argument names. If it names no verb, returns those of
 * the command, if the command runs without a verb. Throws USAGE for an unknown verb, and for an option of another verb.
 */
export function chosenVerb(command: Command, values: Values): { run: Verb['run']; values: Values } {
  const { name, options, verbs = {}, run } = command;
  const [first = ''] = values.args;
  const all = Object.entries(verbs).map(([verb, row]) => ({ name: `${name} ${verb}`, options: row.options }));
  if (run && !Object.hasOwn(verbs, first)) {
    if (all.length > 0) refuseForeignOptions(values, { name, options }, all);
    return { run: run.bind(command), values };
  }
  const word = wordOf(values, Object.keys(verbs));
  const verb = verbs[word];
  if (verb === undefined) throw values.usage(`there is no 'mq ${name} ${word}'`);
  const inner = values.ofVerb(word);
  refuseForeignOptions(
    inner,
    { name: `${name} ${word}`, options: verb.options },
    run ? [{ name, options }, ...all] : all,
  );
  return { run: verb.run.bind(verb), values: inner };
}

/** Throws USAGE for a given option that `own` does not accept. The hint names the commands that accept the option. */
export function refuseForeignOptions(values: Values, own: OptionOwner, others: readonly OptionOwner[]): void {
  const name = values.given.find((one) => !accepts(own, one));
  if (name === undefined) return;
  const names = others.filter((other) => accepts(other, name)).map((other) => `mq ${other.name}`);
  const shown = names.length > mostNames ? [...names.slice(0, mostNames), '…'] : names;
  throw values.usage(
    `'${own.name.slice(values.command.length + 1)}' has no option --${name}`,
    `--${name} is an option of ${shown.join(', ')}; mq ${own.name} --help lists the options of mq ${own.name}`,
  );
}

function accepts({ options }: OptionOwner, name: string): boolean {
  return options.some((option) => option.name === name);
}
