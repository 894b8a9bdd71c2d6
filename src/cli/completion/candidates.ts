// Computes completions for an incomplete command line: commands, options and their values, and names of rascal.json. It
// reads the same tables as the help. script.ts contains the scripts for the shells.

import type { Option } from '../arguments/option.ts';
import { allOptions, optionSets } from '../arguments/options.ts';
import { protectArgs } from '../arguments/protect.ts';
import type { Candidate, Command, KnownNames, Verb } from '../command.ts';

/** Completions for a command line. With `files: true` the shell itself completes file names. */
type Completion = { readonly files: true } | { readonly files: false; readonly words: readonly Candidate[] };

export type CompletedCommand = Pick<
  Command,
  'name' | 'summary' | 'usage' | 'options' | 'verbs' | 'completes' | 'completedOptions' | 'run'
>;

const files: Completion = { files: true };
const none: Completion = { files: false, words: [] };

/**
 * @param typed the words after `mq`; the last one is incomplete and may be ''
 * @param commands all commands except the roles
 */
export async function completionOf(
  typed: readonly string[],
  { commands, names }: { commands: readonly CompletedCommand[]; names: KnownNames },
): Promise<Completion> {
  const all = allCommands(commands, names);
  const [first, ...others] = typed;
  if (first === 'help' && others.length > 0) {
    const topics = (await all.find(({ name }) => name === first)?.completes?.([], names)) ?? [];
    const topicsAlone = topics.filter(([topic]) => !all.some(({ name }) => name === topic));
    return startingWith(others.at(-1) ?? '', [...all.map(nameAndSummary), ...topicsAlone]);
  }
  const word = typed.at(-1) ?? '';
  const before = typed.slice(0, -1);
  const { commandAt, words } = protectArgs(before, allOptions);
  const command = all.find(({ name }) => name === before[commandAt]);
  if (commandAt !== -1 && command === undefined) return none;
  const options = command ? await optionsOf(command, words) : startOptions;
  const given = protectArgs(before, options);
  if (before.includes('--')) return positional(before, { command, names, word });
  const rest = options.find((option) => option.rest && before.includes(`--${option.name}`));
  if (rest || given.missing?.rest) return files;
  if (given.missing) return optionValue(given.missing, word, names);
  const [, name = '', start = ''] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
  const assigned = options.find((option) => option.name === name && option.value);
  if (assigned) {
    const values = optionValue(assigned, start, names);
    return values.files ? values : { files: false, words: values.words.map(([value]) => [`--${name}=${value}`]) };
  }
  if (word.startsWith('-')) return startingWith(word, flagsOf(options, before));
  if (command === undefined) return startingWith(word, all.map(nameAndSummary));
  return positional(before, { command, names, word });
}

/** Returns the options of the command, or of the verb that the words name. */
async function optionsOf(command: CompletedCommand, words: readonly string[]): Promise<readonly Option[]> {
  const own = await command.completedOptions?.(words);
  return own ?? verbOf(command, words)?.options ?? command.options;
}

function verbOf({ verbs = {} }: CompletedCommand, [first = '']: readonly string[]): Verb | undefined {
  return Object.hasOwn(verbs, first) ? verbs[first] : undefined;
}

/** Options that are accepted before the command's name. */
const startOptions: readonly Option[] = [
  ...optionSets.publish.filter(({ name }) => ['config', 'url', 'connection', 'json', 'debug', 'help'].includes(name)),
  { name: 'version', help: 'print the version of mq' },
];

function allCommands(commands: readonly CompletedCommand[], names: KnownNames): CompletedCommand[] {
  const roles = [...names.roles].map(([name, { summary, options }]) => ({ name, summary, options, usage: '' }));
  return [...roles, ...commands];
}

function nameAndSummary({ name, summary }: CompletedCommand): Candidate {
  return [name, summary];
}

function flagsOf(options: readonly Option[], before: readonly string[]): Candidate[] {
  return options
    .filter(({ name, repeats }) => repeats || !before.some((word) => word.split('=', 1)[0] === `--${name}`))
    .flatMap(({ name, help, negatable }) => [
      [`--${name}`, help] as const,
      ...(negatable ? [[`--no-${name}`, help] as const] : []),
    ]);
}

function optionValue({ value = '', words }: Option, start: string, names: KnownNames): Completion {
  if (words) return startingWith(start, words.map(wordOnly));
  if (/FILE|DIR/.test(value)) return files;
  if (value === 'CONNECTION') return startingWith(start, names.connections.map(wordOnly));
  return value === 'QUEUE' ? startingWith(start, names.queues.map(wordOnly)) : none;
}

/** Completes an argument according to the usage line: `list|show`, `<publication>`, `[file]`. */
async function positional(
  before: readonly string[],
  { command, names, word }: { command: CompletedCommand | undefined; names: KnownNames; word: string },
): Promise<Completion> {
  if (command === undefined) return none;
  const { words } = protectArgs(before, allOptions);
  const own = await command.completes?.(words, names);
  if (own) return startingWith(word, own);
  const verb = verbOf(command, words);
  if (!verb && command.verbs && !command.run)
    return words.length > 0
      ? none
      : startingWith(
          word,
          Object.entries(command.verbs).map(([name, { summary }]) => [name, summary]),
        );
  const typed = verb ? words.slice(1) : words;
  const places = (verb ?? command).usage.match(/<[^>]+>|\[[^\]]+\]|\S+/g) ?? [];
  const place = places[typed.length] ?? (places.at(-1)?.includes('…') ? places.at(-1) : undefined) ?? '';
  if (/\bfiles?\b|\bfolders?\b/.test(place)) return files;
  if (place.includes('|'))
    return startingWith(
      word,
      place
        .replace(/[<>[\]]/g, '')
        .split('|')
        .map(wordOnly),
    );
  const found = [
    ...(/\bpublication\b/.test(place) ? names.publications : []),
    ...(/\bsubscription\b/.test(place) ? names.subscriptions : []),
    ...(/\bqueue\b/.test(place) ? names.queues : []),
    ...(/\bconnection\b/.test(place) ? names.connections : []),
  ];
  return startingWith(word, [...new Set(found)].map(wordOnly));
}

function wordOnly(word: string): Candidate {
  return [word];
}

function startingWith(start: string, words: readonly Candidate[]): Completion {
  return { files: false, words: words.filter(([word]) => word.startsWith(start)) };
}
