// Builds the help texts from the tables of commands and options.

import { columns, wrapped } from '../terminal/wrap.ts';
import type { Option } from './arguments/option.ts';
import { unknownWord } from './arguments/program.ts';
import type { Command, HelpSection, Verbs } from './command.ts';

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
  const closing = 'mq <command> --help prints the help of a command.\nmq help lists the topics of the documentation.';
  return `${['mq: everything with a RabbitMQ broker, from one file', 'Usage: mq <command> [options]', ...sections, closing].join('\n\n')}\n`;
}

/**
 * Returns the help of a command, or of the verb that the words after its name begin with. Throws USAGE if there is no
 * such verb.
 */
export async function commandHelp(command: Command, words: readonly string[], width: number): Promise<string> {
  const own = await command.help?.(words, width);
  if (own !== undefined) return own;
  const { name, verbs = {}, topic, run } = command;
  const [first = ''] = words;
  const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined;
  if (!verb && !run && words.length > 0) throw unknownWord(name, first, Object.keys(verbs));
  return verb ? formatHelp({ ...verb, name: `${name} ${first}`, topic }, width) : formatHelp(command, width);
}

/** A command, a verb or an action of mq admin, with its help. */
interface Helped extends Pick<Command, 'name' | 'usage' | 'summary' | 'options' | 'examples' | 'topic'> {
  readonly verbs?: Verbs;
  /** Sections before the options. */
  readonly introduction?: readonly string[];
  readonly sections?: readonly HelpSection[];
  /** Absent if the command requires one of its verbs. */
  readonly run?: unknown;
}

/** Returns the help text of a command, a verb or an action. */
export function formatHelp(helped: Helped, width: number): string {
  const { name, summary, options, verbs = {}, introduction = [], sections = [], examples, topic } = helped;
  const rows = Object.entries(verbs).map(([verb, row]) => [`${verb} ${row.usage}`.trimEnd(), row.summary] as const);
  const hasVerbs = rows.length > 0;
  const all = [
    wrapped(`mq ${name}: ${summary}`, { width, indent: 2 }),
    `Usage: ${hasVerbs && !helped.run ? `mq ${name} <verb> [options]` : usageLine(helped)}`,
    ...introduction,
    ...(hasVerbs ? [`Verbs\n${columns(rows, width)}`, `mq ${name} <verb> --help prints the options of a verb.`] : []),
    ...(hasVerbs && options.length === 0
      ? []
      : [`Options${hasVerbs && !helped.run ? ' of every verb' : ''}\n${optionLines(options, width)}`]),
    ...sections.map((section) => `${section.title}\n${columns(section.rows, width)}`),
    `Examples\n${examples.map((example) => `  ${example}`).join('\n')}`,
    `More: mq help ${topic}`,
  ];
  return `${all.join('\n\n')}\n`;
}

/** Returns one row for each option. */
function optionLines(options: readonly Option[], width: number): string {
  const rows = columns(
    options.map((option) => [flagOf(option), optionText(option)]),
    width,
  );
  if (!options.some(({ value }) => value === 'DURATION')) return rows;
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
