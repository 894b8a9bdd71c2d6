// The options of mq tap.

import { trustManagement } from './admin-options.ts';
import type { Option } from './option.ts';
import { always, common } from './shared-options.ts';

export const tapOptions: readonly Option[] = [
  {
    name: 'match-replies',
    help: 'print a request and its reply on one line, with the time between them',
  },
  {
    name: 'filter',
    value: 'TEXT',
    repeats: true,
    help: 'select messages with this text in the body; NAME=VALUE compares a header, key or exchange',
    default: 'all',
  },
  { name: 'count', value: 'N', help: 'stop after N lines', default: 'no limit' },
  { name: 'idle', value: 'DURATION', help: 'stop after this long without a line', default: 'never' },
  {
    name: 'only-safe',
    help: 'refuse an exchange if the tap affects other clients, or if mq cannot check it',
  },
  {
    name: 'firehose',
    help: 'switch tracing on and receive what clients publish to any exchange, also to the default exchange; slows the broker down',
  },
  { name: 'vhost', value: 'NAME', help: 'watch this vhost of rascal.json', default: 'the vhost of the names' },
  {
    name: 'management-url',
    value: 'URLS',
    help: 'check the exchanges at this management API: http://user:password@host:15672',
    default: 'MQ_MANAGEMENT_URL, else rascal.json or the standard port',
  },
  trustManagement,
  ...common,
  ...always,
];
