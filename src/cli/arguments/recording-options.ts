// The options of mq record and mq replay.

import type { Option } from './option.ts';
import { always, common } from './shared-options.ts';
import { tapOptions } from './tap-options.ts';

/** Options of mq record that need --from. */
export const queueOptions: readonly Option[] = [
  { name: 'remove', help: 'with --from: remove each message from the queue when it is on disk in the file' },
  {
    name: 'offset',
    value: 'POSITION',
    help: 'with --from: read a stream from here: first, last, next, a number, 10m or 2026-12-01T08:00:00Z',
    default: 'first',
  },
];

/** Options of mq record that exclude --from. */
export const tapOnly: readonly Option[] = tapOptions.filter(({ name }) =>
  ['only-safe', 'firehose', 'vhost'].includes(name),
);

export const record: readonly Option[] = [
  {
    name: 'from',
    value: 'QUEUE',
    help: 'record the messages of this queue, and leave them in it',
    default: 'the messages that exchanges route from now on',
  },
  ...queueOptions,
  { name: 'count', value: 'N', help: 'stop after N messages', default: 'no limit' },
  { name: 'max-time', value: 'DURATION', help: 'stop after this long, as at SIGINT', default: 'never' },
  ...tapOptions.filter(({ name }) => !['match-replies', 'count', 'idle'].includes(name)),
];

export const replay: readonly Option[] = [
  { name: 'speed', value: 'FACTOR', help: 'divide the recorded pauses by this factor (2, 0.5)', default: '1' },
  { name: 'rate', value: 'N/s', help: 'send N messages a second (N/m: a minute, N/h: an hour)', default: 'recorded' },
  { name: 'now', help: 'send without pauses' },
  {
    name: 'to',
    value: 'TARGET',
    help: 'send to queue:NAME, exchange:NAME, or a publication of rascal.json',
    default: 'the recorded exchange',
  },
  {
    name: 'map',
    value: 'OLD=NEW',
    repeats: true,
    help: 'replace the name of an exchange and a routing key; exchange:OLD=NEW or key:OLD=NEW replaces one of them',
    default: 'none',
  },
  {
    name: 'skip',
    value: 'N',
    help: 'skip the first N messages, for example those that an earlier run has sent',
    default: '0',
  },
  { name: 'partial', help: 'accept a recording that was cut off or changed' },
  { name: 'cc', help: 'keep the headers CC and BCC, which route a message to more queues' },
  { name: 'mandatory', negatable: true, help: 'fail if no queue receives the message', default: 'on' },
  { name: 'window', value: 'N', help: 'keep at most N messages unconfirmed', default: '256' },
  {
    name: 'timeout',
    value: 'DURATION',
    help: 'report a message as in doubt if no confirm arrives within this time',
    default: '60s, no limit while the broker blocks',
  },
  ...common,
  ...always,
];
