// Builds the help of mq admin from the table of actions.

import type { Action } from '../../../admin/action.ts';
import { columns, wrapped } from '../../../terminal/wrap.ts';
import type { Command } from '../../command.ts';
import { formatHelp } from '../../help.ts';
import { exampleOf } from './example.ts';
import { actionOf, findAction, isNoun, nameOf, optionsOf, wordsOf } from './find-action.ts';

/**
 * Returns the help for `mq admin …words --help`: for one action, for all actions of a verb or noun, or for all actions.
 * Throws USAGE for other words.
 */
export function adminHelp(
  command: Command,
  words: readonly string[],
  { actions, width }: { actions: readonly Action[]; width: number },
): string {
  const [first = ''] = words;
  const one = actionOf(words, actions);
  if (one) return actionHelp(one, { topic: command.topic, width });
  const ofWord = actions.filter(({ verb, noun }) => verb === first || (noun !== undefined && isNoun(noun, first)));
  // findAction throws, with a suggestion.
  if (words.length > 1 || (words.length > 0 && ofWord.length === 0)) findAction(words, actions);
  const shown = ofWord.length > 0 ? ofWord : actions;
  const title = ofWord.length > 0 ? `mq admin ${first}` : `mq admin: ${command.summary}`;
  const usage = 'Usage: mq admin <action> [options]';
  if (ofWord.length > 0) return `${[title, actionRows(shown, width), closing].join('\n\n')}\n`;
  return `${[title, usage, ...groups(shown, width), examples(command), closing].join('\n\n')}\n`;
}

const closing = 'mq admin <action> --help prints the options of an action.\nMore: mq help admin';

function actionHelp(action: Action, { topic, width }: { topic: string; width: number }): string {
  const { summary, details, request, columns: names } = action;
  const shown = names && `Columns\n  ${names.join(',')}\n  and all other fields that --json prints`;
  const helped = {
    name: `admin ${nameOf(action)}`,
    summary,
    usage: wordsOf(action).slice(nameOf(action).length + 1),
    introduction: [
      ...(details === undefined ? [] : [wrapped(details, { width, indent: 0 })]),
      `HTTP API: ${request}`,
      ...(shown === undefined ? [] : [shown]),
    ],
    options: optionsOf(action),
    examples: [exampleOf(action)],
    topic,
  };
  return formatHelp(helped, width);
}

/** Groups of verbs. A verb that is not listed has its own group. */
const verbGroups = [
  ['overview', 'whoami', 'list'],
  ['show'],
  ['create', 'set', 'enable'],
  ['delete', 'purge', 'close'],
  ['export', 'import'],
  ['check'],
  ['ha', 'grow', 'shrink', 'rebalance', 'transfer'],
];

function groups(actions: readonly Action[], width: number): string[] {
  const verbs = [...new Set(actions.map(({ verb }) => verb))];
  const known = verbGroups.flat();
  const all = [...verbGroups, ...verbs.filter((verb) => !known.includes(verb)).map((verb) => [verb])];
  return all.map((group) =>
    actionRows(
      group.flatMap((verb) => actions.filter((action) => action.verb === verb)),
      width,
    ),
  );
}

/** Returns a row for each action. The arguments use at most 45 % of the width; longer ones have a line of their own. */
function actionRows(actions: readonly Action[], width: number): string {
  const longest = Math.floor(width * 0.45);
  return columns(
    actions.map((action) => [wordsOf(action), action.summary]),
    width,
    longest,
  );
}

function examples({ examples: lines }: Command): string {
  return `Examples\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
