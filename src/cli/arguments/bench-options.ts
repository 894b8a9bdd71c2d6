// The options of mq bench, by verb.

import type { Option } from './option.ts';
import { always, common } from './shared-options.ts';

/** Types of the queues that mq bench declares. Streams cannot expire by themselves. */
export const benchQueueTypes = ['quorum', 'classic'] as const;

const rate: Option = {
  name: 'rate',
  value: 'N/s',
  help: 'send by an open schedule of N messages a second, and measure from the time of the schedule',
  default: 'a closed loop: send as soon as the window has room',
};
const producers: Option = {
  name: 'producers',
  value: 'N',
  help: 'use N producers',
  default: '1, or one for each queue',
};
const consumers: Option = {
  name: 'consumers',
  value: 'N',
  help: 'use N consumers',
  default: '1, or one for each queue',
};
const window: Option = {
  name: 'window',
  value: 'N',
  help: 'keep at most N messages of each producer unconfirmed',
  default: '256',
};
const prefetch: Option = {
  name: 'prefetch',
  value: 'N',
  help: 'keep at most N messages of each consumer unacknowledged',
  default: '256',
};
const routingKey: Option = {
  name: 'routing-key',
  value: 'KEY',
  help: 'with a publication: use this routing key',
  default: 'the key of the publication',
};

const limits: readonly Option[] = [
  { name: 'duration', value: 'DURATION', help: 'measure for this long', default: '10s, or until --count' },
  { name: 'count', value: 'N', help: 'measure N messages', default: 'no limit' },
];

const queues: readonly Option[] = [
  { name: 'queues', value: 'N', help: 'declare N queues', default: '1' },
  {
    name: 'queue-type',
    value: 'TYPE',
    words: benchQueueTypes,
    help: 'declare queues of this type',
    default: 'quorum',
  },
];

const messages: readonly Option[] = [
  { name: 'size', value: 'BYTES', help: 'send bodies of this size, from 32 to 512MiB', default: '100' },
  {
    name: 'persistent',
    negatable: true,
    help: 'store messages on disk; --no-persistent sends transient ones',
    default: 'on, or the setting of the publication',
  },
];

const warmUp: Option = {
  name: 'warm-up',
  value: 'DURATION',
  help: 'send for this long before the measurement',
  default: '1s; none with a publication',
};

const processes: Option = {
  name: 'processes',
  value: 'N',
  help: 'run N processes, each with its own producers, consumers and queues; they share --rate and --count',
  default: '1',
};

const drain: Option = {
  name: 'drain',
  value: 'DURATION',
  help: 'at the end, wait for messages until none has arrived for this long',
  default: '25s',
};

/** Options about the verdict and the output. */
const verdict: readonly Option[] = [
  {
    name: 'threshold',
    value: 'THRESHOLD',
    repeats: true,
    help: "exit with 1 unless this holds: 'p99<50ms', 'rate>2000', 'lost==0' (mq help bench)",
    default: 'mq.bench in rascal.json',
  },
  { name: 'abort', help: 'end as soon as a threshold can no longer hold' },
  {
    name: 'baseline',
    value: 'FILE',
    help: 'exit with 1 if the result is worse than the one in this output of --json',
    default: 'no comparison',
  },
  {
    name: 'tolerance',
    value: 'PERCENT',
    help: 'with --baseline: accept figures that are worse by this much',
    default: '10%',
  },
  { name: 'svg', value: 'FILE', help: 'draw the latency over time', default: 'no drawing' },
  ...common,
  ...always,
];

export const benchVerbOptions = {
  publish: [rate, ...limits, warmUp, producers, window, ...messages, ...queues, routingKey, processes, ...verdict],
  consume: [
    ...limits.map((option) =>
      option.name === 'count'
        ? { ...option, help: 'measure N messages; without a subscription, fill the queues with them', default: '50000' }
        : { ...option, default: 'until the queues are empty; 10s with a subscription' },
    ),
    { ...warmUp, help: 'receive for this long before the measurement', default: 'none' },
    { ...consumers },
    prefetch,
    ...messages,
    ...queues,
    { name: 'drop-messages', help: 'with a subscription: acknowledge its messages, which are then lost' },
    processes,
    drain,
    ...verdict,
  ],
  pipe: [
    ...[rate, ...limits, warmUp, producers, consumers, window, prefetch, ...messages, ...queues, routingKey],
    ...[processes, drain, ...verdict],
  ],
  rpc: [
    ...[rate, ...limits, warmUp],
    { ...producers, help: 'use N clients' },
    { ...consumers, help: 'without a publication: use N servers, which answer at once' },
    { ...window, help: 'keep at most N requests of each client in flight', default: '64' },
    { ...prefetch, help: 'keep at most N requests of each server unacknowledged' },
    ...[...messages, ...queues, routingKey],
    { name: 'timeout', value: 'DURATION', help: 'wait at most this long for a reply', default: '30s' },
    processes,
    ...verdict,
  ],
} as const satisfies Record<string, readonly Option[]>;
