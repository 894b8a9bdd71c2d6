// The options of mq dlq, by verb.

import { headers } from './admin-options.ts';
import type { Option } from './option.ts';
import { always, common } from './shared-options.ts';

/** Options of every verb. */
export const dlqOptions: readonly Option[] = [
  {
    name: 'queue',
    value: 'QUEUE',
    help: 'use the messages in this queue itself; name no subscription or queue then',
    default: 'the dead-letter queue of the subscription or queue',
  },
  {
    name: 'timeout',
    value: 'DURATION',
    help: 'wait this long for the answer of the broker; without an answer, the messages stay in the queue',
    default: '60s',
  },
  ...common,
  ...always,
];

const selection: readonly Option[] = [
  {
    name: 'id',
    value: 'ID',
    repeats: true,
    help: 'select the message with this id; a unique beginning is enough',
    default: 'all',
  },
  {
    name: 'filter',
    value: 'TEXT',
    repeats: true,
    help: 'select messages with this text in the body or the reason; NAME=VALUE compares a header, key, exchange, queue or reason',
    default: 'all',
  },
  { name: 'count', value: 'N', help: 'select at most N messages', default: 'no limit' },
];
const dryRun: Option = { name: 'dry-run', help: 'only print which messages are selected' };
const strict: Option = {
  name: 'strict',
  help: 'require the whole id of a message, and a queue that is named *.dead or receives dead letters in rascal.json',
};
const yes: Option = { name: 'yes', help: 'do not ask for consent' };

export const dlqVerbOptions = {
  list: [
    ...selection,
    {
      name: 'group',
      value: 'NAME',
      help: 'count the messages by reason, queue, key, exchange or a header, instead of listing each',
      default: 'off',
    },
    headers,
    ...dlqOptions,
  ],
  show: dlqOptions,
  replay: [
    ...selection,
    {
      name: 'to-exchange',
      help: 'publish with the original exchange and routing key, instead of to the queue where the message died',
    },
    dryRun,
    strict,
    { name: 'yes', help: 'do not ask for consent to --to-exchange' },
    headers,
    ...dlqOptions,
  ],
  move: [
    { name: 'to', value: 'QUEUE', help: 'send the messages to this queue (required)' },
    ...selection,
    dryRun,
    headers,
    ...dlqOptions,
  ],
  edit: [{ name: 'yes', help: 'trust the headers that name the queue where the message died' }, ...dlqOptions],
  purge: [...selection, dryRun, strict, yes, headers, ...dlqOptions],
} as const satisfies Record<string, readonly Option[]>;
