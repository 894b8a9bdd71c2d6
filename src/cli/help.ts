// The help texts, drawn from the tables of commands and options.

import type { Command } from './command.ts';
import { type Option, type OptionSet, optionSets } from './options.ts';

/** The help of mq itself: every command under its group. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const groups = [...new Set(commands.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const rows = commands.filter((command) => command.group === group);
    return `${group}\n${rows.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}`;
  });
  return `${['mq: everything with a RabbitMQ broker, from one file\n\nUsage: mq <command> [options]', ...sections, 'mq <command> --help shows its options; mq --version the version.'].join('\n\n')}\n`;
}

export function commandHelp({ name, usage, summary, options, notes = [], examples = [] }: Command): string {
  const sections = [
    `mq ${name}: ${summary}`,
    `Usage: ${usageLine({ name, usage })}`,
    ...(notes.length > 0 ? [`Verbs\n${rowsOf(notes)}`] : []),
    `Options\n${optionLines(options)}`,
  ];
  if (examples.length > 0) sections.push(`Examples\n${examples.map((example) => `  ${example}`).join('\n')}`);
  return `${sections.join('\n\n')}\n`;
}

/** One line for each option of the set, or for those of the names. */
export function optionLines(set: OptionSet, names?: readonly string[]): string {
  const options: readonly Option[] = optionSets[set];
  return rowsOf(
    options
      .filter(({ name }) => names === undefined || names.includes(name))
      .map((option) => [flagOf(option), `${option.help}${option.repeats ? '; may be repeated' : ''}`] as const),
  );
}

function rowsOf(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

export function usageLine({ name, usage }: Pick<Command, 'name' | 'usage'>): string {
  return `mq ${name} [options]${usage ? ` ${usage}` : ''}`;
}

function flagOf({ name, short, value }: Option): string {
  return `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`;
}
