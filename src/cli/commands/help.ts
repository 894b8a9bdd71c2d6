// mq help: prints the help of a command, a page of the documentation, or the list of both.

import { basename } from 'node:path';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { nearest } from '../../terminal/nearest.ts';
import { columns, widthOf } from '../../terminal/wrap.ts';
import { optionSets } from '../arguments/options.ts';
import type { Candidate, Command } from '../command.ts';

/** cli.ts calls `helpText` instead of `run`, because the words after `mq help` may be options of another command. */
export const helpCommand: Command = {
  name: 'help',
  summary: 'print the help of a command, or a documentation page',
  usage: '[topic or command] [verb]',
  options: optionSets.none,
  group: 'Configuration',
  topic: 'command-line',
  examples: [
    'mq help',
    'mq help publishing',
    'mq help retries-and-dead-letters | less',
    'mq help worker',
    'mq help cluster up',
  ],
  completes: async () => topics(),
  run: async () => undefined,
};

interface HelpOfCommands {
  /** Returns the names of all commands. */
  readonly names: () => Promise<readonly string[]>;
  /** Returns the list of all commands. */
  readonly overview: () => Promise<string>;
  /** Returns the help of a command, or of its verb. */
  readonly help: (name: string, words: readonly string[]) => Promise<string>;
}

/** Returns the text for the words after `mq help`. Throws USAGE if they name neither a command nor a topic. */
export async function helpText(
  words: readonly string[],
  { stdout, env }: Pick<Context, 'stdout' | 'env'>,
  commands: HelpOfCommands,
): Promise<string> {
  const width = widthOf(stdout);
  const [name, ...rest] = words;
  if (name === undefined) {
    const list = columns(
      (await topics()).map(([topic, task = '']) => [topic, task]),
      width,
    );
    return `${await commands.overview()}\nTopics\n${list}\n\nmq help <topic> prints the page of a topic.\n`;
  }
  const names = await commands.names();
  const page = rest.length === 0 ? await pageOf(name, { stdout, env }) : undefined;
  if (names.includes(name)) {
    const help = await commands.help(name, rest);
    return page === undefined ? help : `${help}\n${page}`;
  }
  if (page !== undefined) return page;
  throw new MqError('USAGE', `there is no command or topic '${name}'`, { hint: await hintFor(name, names) });
}

/** Returns the hint for an unknown word: the pages that contain it most often, or a similar name. */
async function hintFor(word: string, names: readonly string[]): Promise<string> {
  const texts = Object.entries(await loadPages());
  const pattern = new RegExp(`\\b${RegExp.escape(word)}\\b`, 'gi');
  const counts = texts.map(([topic, page]) => ({ topic, count: page.match(pattern)?.length ?? 0 }));
  const found = counts.filter(({ count }) => count > 0).toSorted((one, other) => other.count - one.count);
  if (found.length > 0)
    return `these pages mention it: ${found
      .slice(0, 3)
      .map(({ topic }) => `mq help ${topic}`)
      .join(', ')}`;
  const near = nearest(word, [...names, ...texts.map(([topic]) => topic)]);
  return near ? `did you mean 'mq help ${near}'?` : 'mq help lists the commands and the topics';
}

/** Returns the page as Markdown, or formatted if stdout is a terminal. */
async function pageOf(topic: string, { stdout, env }: Pick<Context, 'stdout' | 'env'>): Promise<string | undefined> {
  const pages = await loadPages();
  const page = Object.hasOwn(pages, topic) ? pages[topic] : undefined;
  if (page === undefined || stdout.isTTY !== true) return page;
  const { formatMarkdown } = await import('../../terminal/markdown.ts');
  return formatMarkdown(page, {
    width: widthOf(stdout),
    isColoured: !env['NO_COLOR'],
    linkText: (target) => {
      const linked = basename(target.split('#', 1)[0] ?? '', '.md');
      if (Object.hasOwn(pages, linked)) return ` (mq help ${linked})`;
      return /^https?:/.test(target) ? ` <${target}>` : '';
    },
  });
}

/** Returns each topic and the first sentence of its page, which names the task. */
async function topics(): Promise<Candidate[]> {
  return Object.entries(await loadPages()).map(([topic, page]) => [topic, firstSentence(page)]);
}

function firstSentence(page: string): string {
  const [, paragraph = ''] = page.split('\n\n');
  return (
    paragraph
      .replaceAll(/[`*]/g, '')
      .replaceAll('\n', ' ')
      .split(/(?<=\.) /)[0]
      ?.replace(/\.$/, '') ?? ''
  );
}

async function loadPages(): Promise<Readonly<Record<string, string>>> {
  return (await import('./help/pages.ts')).pages();
}
