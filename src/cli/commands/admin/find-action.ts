// Finds the action for the words after `mq admin`, and suggests one for unknown words.

import type { Action, Argument } from '../../../admin/action.ts';
import { MqError } from '../../../errors.ts';
import { nearest } from '../../../terminal/nearest.ts';
import type { Option } from '../../arguments/option.ts';
import { optionSets } from '../../arguments/options.ts';
import { loginOptionNames } from '../../arguments/shared-options.ts';
import { unexpectedArgument } from '../../arguments/values.ts';

export interface FoundAction {
  readonly action: Action;
  /** Values by argument name. */
  readonly args: Readonly<Record<string, string>>;
  readonly rest: readonly string[];
}

const adminOptions: readonly Option[] = optionSets.admin;

const optionsOfEveryAction = [
  'management-url',
  'trust-management',
  'url',
  'url-file',
  'connection',
  'config',
  'user',
  'password-file',
  ...loginOptionNames,
  'timeout',
  'max-answer',
  'json',
  'debug',
  'help',
];

/** Verbs of other tools, and their equivalents in mq. */
const otherVerbs: Readonly<Record<string, string>> = {
  add: 'create',
  change: 'set',
  clear: 'delete',
  declare: 'create',
  describe: 'show',
  get: 'show',
  ls: 'list',
  put: 'set',
  remove: 'delete',
  rm: 'delete',
  bind: 'create',
  unbind: 'delete',
  update: 'set',
  kill: 'close',
};

/** Single-word actions of other tools, and their equivalents in mq. */
const otherActions: Readonly<Record<string, string>> = {
  cluster_status: 'overview',
  health: 'check health',
  info: 'overview',
  ping: 'whoami',
  status: 'overview',
};

/** Returns the action and its arguments. Throws USAGE with a suggestion if there is no such action. */
export function findAction(words: readonly string[], actions: readonly Action[]): FoundAction {
  const [verb = ''] = words;
  const ofVerb = actions.filter((action) => action.verb === verb);
  if (ofVerb.length === 0) throw unknownVerb(words, actions);
  const action = actionOf(words, actions);
  if (action === undefined) throw unknownNoun(words, ofVerb);
  return { action, ...argumentsOf(action, words.slice(action.noun === undefined ? 1 : 2)) };
}

/** Returns the action that the first words name, or `undefined`. */
export function actionOf([verb, noun = '']: readonly string[], actions: readonly Action[]): Action | undefined {
  const ofVerb = actions.filter((action) => action.verb === verb);
  return (
    ofVerb.find((action) => action.noun !== undefined && isNoun(action.noun, noun)) ??
    ofVerb.find((action) => action.noun === undefined)
  );
}

/** Returns the options that an action accepts. */
export function optionsOf(action: Action): readonly Option[] {
  const names = actionOptions(action);
  return adminOptions.filter(({ name }) => names.includes(name));
}

/** Returns the names of the options that an action accepts. */
export function actionOptions({ verb, options = [], isInVhost, isLine, question, request }: Action): readonly string[] {
  const isShown = request.startsWith('GET ') && verb !== 'export';
  return [
    ...options,
    ...(isInVhost ? ['vhost'] : []),
    ...(isInVhost && verb === 'list' ? ['all-vhosts'] : []),
    ...(question === undefined ? [] : ['yes']),
    ...(isShown && !isLine ? ['columns'] : []),
    ...(isShown ? ['watch', 'interval'] : []),
    ...optionsOfEveryAction,
  ];
}

/** Returns the name of an action: `create binding`. */
export function nameOf({ verb, noun }: Pick<Action, 'verb' | 'noun'>): string {
  return noun === undefined ? verb : `${verb} ${noun}`;
}

/** Returns the command line of an action: `create binding <source> <destination> [key]`. */
export function wordsOf(action: Action): string {
  const { args = [] } = action;
  return [nameOf(action), ...args.map(argumentText)].join(' ');
}

function argumentText({ name, isOptional, isRest }: Argument): string {
  const text = isRest ? `${name}…` : name;
  return isOptional ? `[${text}]` : `<${text}>`;
}

/** Compares nouns and accepts singular and plural: `list queue`, `show queues`. */
export function isNoun(noun: string, typed: string): boolean {
  return noun === typed || singular(noun) === singular(typed);
}

function singular(noun: string): string {
  return noun.replace(/ies$/, 'y').replace(/(?<!s)s$/, '');
}

function argumentsOf(action: Action, typed: readonly string[]): Omit<FoundAction, 'action'> {
  const { args = [] } = action;
  const named = args.filter(({ isRest }) => !isRest);
  const missing = args.find(({ isOptional }, at) => !isOptional && typed[at] === undefined);
  if (missing) throw usage(action, `give the ${missing.name}: mq admin ${wordsOf(action)}`);
  const rest = typed.slice(named.length);
  if (rest.length > 0 && named.length === args.length) throw superfluous(action, rest);
  return { args: Object.fromEntries(named.flatMap(({ name }, at) => entry(name, typed[at]))), rest };
}

/**
 * Returns the error for an extra argument. rabbitmqctl accepts the columns of a list as arguments (list_queues name
 * messages), so the hint names --columns.
 */
function superfluous(action: Action, rest: readonly string[]): MqError {
  const { hint = '' } = usage(action, '');
  const areColumns = actionOptions(action).includes('columns') && rest.every((word) => /^[a-z][a-z_.]*$/.test(word));
  const columns = areColumns ? `columns are an option: mq admin ${nameOf(action)} --columns ${rest.join(',')}; ` : '';
  return new MqError('USAGE', unexpectedArgument(rest[0] ?? ''), { hint: `${columns}${hint}` });
}

function entry(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}

/** Returns a USAGE error whose hint is the command line that prints the help of the action. */
export function usage(action: Pick<Action, 'verb' | 'noun'>, message: string): MqError {
  return new MqError('USAGE', message, { hint: `mq admin ${nameOf(action)} --help` });
}

function unknownVerb(words: readonly string[], actions: readonly Action[]): MqError {
  const [first = '', second = ''] = words;
  const verbs = [...new Set(actions.map(({ verb }) => verb))];
  const all = 'mq admin --help lists the actions';
  if (first === '') return new MqError('USAGE', `say what to do: ${verbs.join(', ')}`, { hint: all });
  const message = `there is no 'mq admin ${first}'`;
  if (Object.hasOwn(otherActions, first))
    return new MqError('USAGE', message, { hint: `did you mean 'mq admin ${otherActions[first]}'?` });
  const known = Object.hasOwn(otherVerbs, first) ? otherVerbs[first] : undefined;
  // rabbitmqctl accepts list_queues, and rabbitmqadmin v2 accepts queues list.
  const [joinedVerb = '', ...joinedNoun] = first.split('_');
  const turned = actions.find(
    ({ verb, noun }) => noun !== undefined && verb === (otherVerbs[second] ?? second) && isNoun(noun, first),
  );
  const joined = actions.find(
    ({ verb, noun }) =>
      verb === (otherVerbs[joinedVerb] ?? joinedVerb) && noun !== undefined && isNoun(noun, joinedNoun.join('-')),
  );
  const meant = turned ?? joined;
  if (meant) return new MqError('USAGE', message, { hint: `did you mean 'mq admin ${wordsOf(meant)}'?` });
  const noun = actions.find((action) => action.noun !== undefined && isNoun(action.noun, first));
  if (noun?.noun !== undefined && !known)
    return new MqError('USAGE', message, { hint: `did you mean 'mq admin list ${noun.noun}'? ${all}` });
  const near = known ?? nearest(first, verbs);
  return new MqError('USAGE', message, {
    hint: near ? `did you mean 'mq admin ${[near, ...words.slice(1)].join(' ')}'?` : all,
  });
}

function unknownNoun([verb = '', noun = '']: readonly string[], ofVerb: readonly Action[]): MqError {
  const nouns = ofVerb.flatMap((action) => action.noun ?? []);
  const list = `mq admin ${verb} has ${nouns.join(', ')}`;
  if (noun === '')
    return new MqError('USAGE', `say what to ${verb}: ${nouns.join(', ')}`, { hint: `mq admin ${verb} --help` });
  const near = nearest(noun, nouns) ?? nearest(`${noun}s`, nouns);
  const message = `there is no 'mq admin ${verb} ${noun}'`;
  return new MqError('USAGE', message, { hint: near ? `did you mean 'mq admin ${verb} ${near}'?` : list });
}
