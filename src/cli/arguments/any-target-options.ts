// The options of mq publish and mq subscribe for an exchange or queue that rascal.json does not define.

import type { Option } from './option.ts';

export const anyPublication: readonly Option[] = [
  {
    name: 'exchange',
    value: 'NAME',
    help: 'publish to this exchange, which must exist; name no publication then',
    default: 'the target of the publication',
  },
  {
    name: 'queue',
    value: 'NAME',
    help: 'publish to this queue, which must exist; name no publication then',
    default: 'the target of the publication',
  },
];

export const anySubscription: readonly Option[] = [
  {
    name: 'queue',
    value: 'NAME',
    help: 'receive from this queue, which must exist; name no subscription then',
    default: 'the queue of the subscription',
  },
  {
    name: 'exchange',
    value: 'NAME',
    help: 'receive from this exchange with a queue that mq deletes at the end; requires --key',
    default: 'none',
  },
  {
    ...{ name: 'key', value: 'KEY', repeats: true, default: 'none, or MQ_KEY without --exchange' },
    help: 'with --exchange: bind the queue with this key; without it: the file with the key of the client certificate',
  },
];
