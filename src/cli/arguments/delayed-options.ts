// The options of mq delayed, by verb.

import { headers } from './admin-options.ts';
import type { Option } from './option.ts';
import { always, common } from './shared-options.ts';

/** Options of every verb. */
export const delayedOptions: readonly Option[] = [
  {
    name: 'publication',
    value: 'NAME',
    help: 'use only the messages to the exchange or queue of this publication',
    default: 'all of the vhosts in rascal.json',
  },
  ...common,
  ...always,
];

export const delayedVerbOptions = {
  list: [
    { name: 'count', value: 'N', help: 'read at most N messages of each queue', default: '1000' },
    headers,
    ...delayedOptions,
  ],
  cancel: delayedOptions,
} as const satisfies Record<string, readonly Option[]>;
