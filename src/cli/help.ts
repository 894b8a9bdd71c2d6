// Builds the help texts from the tables of commands and options.

import { columns, wrapped } from '../terminal/wrap.ts';
import type { Option } from './arguments/option.ts';
import { type OptionSet, optionSets } from './arguments/options.ts';
import type { Command } from './command.ts';

/** Returns the help of mq itself: all commands by group. */
export function overview(commands: readonly Command[], width: number): string {
  const names = Math.max(...commands.map(({ name }) => name.length));
  const groups = [...new Set(commands.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const rows = commands.filter((command) => command.group === group);
    return `${group}\n${columns(
      rows.map(({ name, summary }) => [name.padEnd(names), summary]),
      width,
    )}`;
  });
  const closing = 'mq <command> --help prints the help of a command.';
  return `${['mq: everything with a RabbitMQ broker, from one file', 'Usage: mq <command> [options]', ...sections, closing].join('\n\n')}\n`;
}

export function commandHelp(command: Command, width: number): string {
  const { name, usage, summary, options, notes = [], examples = [], sections = [] } = command;
  const all = [
    wrapped(`mq ${name}: ${summary}`, { width, indent: 2 }),
    // The verbs are listed below the usage line.
    `Usage: ${usageLine({ name, usage: notes.length > 0 ? usage.replace(/^\S+\|\S+/, '<verb>') : usage })}`,
    ...(notes.length > 0 ? [`Verbs\n${columns(notes, width)}`] : []),
    `Options\n${optionLines(options, { width })}`,
    ...sections.map(({ title, rows }) => `${title}\n${columns(rows, width)}`),
    ...(examples.length > 0 ? [`Examples\n${examples.map((example) => `  ${example}`).join('\n')}`] : []),
  ];
  return `${all.join('\n\n')}\n`;
}

/** Returns one row for each option of the set, or only for those in `names`. */
export function optionLines(set: OptionSet, { names, width }: { names?: readonly string[]; width: number }): string {
  const options: readonly Option[] = optionSets[set];
  const shown = options.filter(({ name }) => names === undefined || names.includes(name));
  const rows = columns(
    shown.map((option) => [flagOf(option), optionText(option)]),
    width,
  );
  if (!shown.some(({ value }) => value === 'DURATION')) return rows;
  const durations = 'DURATION is a number of seconds, or has a unit: 500ms, 30s, 5m, 1h.';
  return `${rows}\n\n${wrapped(durations, { width, indent: 0 })}`;
}

/** Returns the help of an option with its default. */
export function optionText({ help, repeats, default: standard }: Option): string {
  return `${help}${repeats ? '; may be repeated' : ''}${standard === undefined ? '' : ` (default ${standard})`}`;
}

export function usageLine({ name, usage }: Pick<Command, 'name' | 'usage'>): string {
  return `mq ${name} [options]${usage ? ` ${usage}` : ''}`;
}

function flagOf({ name, short, value, bare, negatable }: Option): string {
  const flag = `${short ? `-${short}, ` : ''}--${negatable ? '[no-]' : ''}${name}`;
  if (bare !== undefined) return `${flag}[=${value}]`;
  return value ? `${flag} ${value}` : flag;
}
