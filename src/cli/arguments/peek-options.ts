// The options of mq peek.

import { headers, trustManagement } from './admin-options.ts';
import type { Option } from './option.ts';
import { always, common } from './shared-options.ts';

export const peekOptions: readonly Option[] = [
  { name: 'count', value: 'N', help: 'print at most N messages', default: '10' },
  {
    name: 'offset',
    value: 'POSITION',
    help: 'read a stream from here: first, last, next, a number, 10m (a time ago) or 2026-12-01T08:00:00Z',
    default: 'first',
  },
  {
    name: 'filter',
    value: 'TEXT',
    repeats: true,
    help: 'print only messages with this text in the body; NAME=VALUE compares a header, key or exchange',
    default: 'all',
  },
  headers,
  {
    name: 'management-url',
    value: 'URLS',
    help: 'read the delivery limit of a quorum queue from this management API: http://user:password@host:15672',
    default: 'MQ_MANAGEMENT_URL, else rascal.json or the standard port',
  },
  trustManagement,
  ...common,
  ...always,
];
