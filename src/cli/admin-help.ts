// The help of mq admin, drawn from the rows of its table.

import type { Action } from '../admin/action.ts';
import { actionOptions, isNoun, wordsOf } from './admin-words.ts';
import type { Command } from './command.ts';
import { optionLines } from './help.ts';

/** For `mq admin …words --help`: of one action, of all of a verb or a noun, or of everything. */
export function adminHelp(
  command: Command,
  words: readonly string[],
  { actions, width }: { actions: readonly Action[]; width: number },
): string {
  const [first = '', second] = words;
  const ofWord = actions.filter(({ verb, noun }) => verb === first || (noun !== undefined && isNoun(noun, first)));
  const one = ofWord.find(({ verb, noun }) => verb === first && (noun === undefined || isNoun(noun, second ?? '')));
  if (one) return actionHelp(one, width);
  const shown = ofWord.length > 0 ? ofWord : actions;
  const title = ofWord.length > 0 ? `mq admin ${first}` : `mq admin: ${command.summary}`;
  const usage = 'Usage: mq admin <action> [options]';
  if (ofWord.length > 0) return `${[title, actionRows(shown), closing].join('\n\n')}\n`;
  return `${[title, usage, ...groups(shown), examples(command), closing].join('\n\n')}\n`;
}

const closing = 'mq admin <action> --help shows its options';

function actionHelp(action: Action, width: number): string {
  const { verb, noun, summary, request, columns } = action;
  const name = ['admin', verb, noun].filter((word) => word !== undefined).join(' ');
  const shown = columns && `Columns\n  ${columns.join(',')}\n  and whatever else --json shows`;
  const sections = [
    `mq ${name}: ${summary}`,
    `Usage: mq admin ${wordsOf(action)} [options]`,
    `HTTP API: ${request}`,
    ...(shown === undefined ? [] : [shown]),
    `Options\n${optionLines('admin', { names: actionOptions(action), width })}`,
  ];
  return `${sections.join('\n\n')}\n`;
}

/** Verbs that stand together; one that is in none has a group of its own. */
const verbGroups = [
  ['overview', 'whoami', 'list'],
  ['show'],
  ['create', 'set', 'enable'],
  ['delete', 'purge', 'close'],
  ['export', 'import'],
  ['check'],
];

function groups(actions: readonly Action[]): string[] {
  const verbs = [...new Set(actions.map(({ verb }) => verb))];
  const known = verbGroups.flat();
  const all = [...verbGroups, ...verbs.filter((verb) => !known.includes(verb)).map((verb) => [verb])];
  return all.map((group) => actionRows(group.flatMap((verb) => actions.filter((action) => action.verb === verb))));
}

/** A line for each; what is longer than the others pushes its summary to the right. */
function actionRows(actions: readonly Action[]): string {
  const words = actions.map(wordsOf);
  const width = Math.min(46, Math.max(...words.map(({ length }) => length)));
  return actions.map(({ summary }, at) => `  ${(words[at] ?? '').padEnd(width)}  ${summary}`).join('\n');
}

function examples({ examples: lines = [] }: Command): string {
  return `Examples\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
