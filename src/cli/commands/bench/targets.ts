// Finds the publications and subscriptions of mq bench, and defines queues of its own that expire by themselves.

import type { Load } from '../../../bench/load.ts';
import {
  type CheckedConfig,
  type Config,
  configFor,
  type QueueConfig,
  type VhostConfig,
} from '../../../config/config.ts';
import { MqError } from '../../../errors.ts';
import { nearest } from '../../../terminal/nearest.ts';
import { time } from '../../../time.ts';
import type { Values } from '../../arguments/values.ts';
import { vhostOf } from '../../messages/session.ts';
import type { BenchSettings } from './settings.ts';

export interface Targets {
  readonly config: Config;
  readonly load: Load;
}

/** Milliseconds without a consumer after which a queue of the benchmark expires, in addition to the time of the run. */
const expiryMs = 300_000;
/** Assumed time of a run without a limit in time, in milliseconds. */
const longRunMs = 3_600_000;
/** Maximum length of the queue that no consumer reads. The broker then drops the oldest messages. */
const longestQueue = 100_000;

export function targetsOf(values: Values, settings: BenchSettings, configs: CheckedConfig): Targets {
  return settings.name === undefined ? ownTargets(settings, configs.config) : namedTargets(values, settings, configs);
}

function ownTargets(settings: BenchSettings, config: Config): Targets {
  const { load, queues, queueType, verb } = settings;
  const vhost = vhostOf(config);
  const start = `mq.bench.${time.randomUUID().slice(0, 8)}`;
  const names = Array.from({ length: queues }, (_, index) => (queues === 1 ? start : `${start}.${index + 1}`));
  const queue: QueueConfig = {
    options: {
      durable: true,
      arguments: {
        'x-queue-type': queueType,
        'x-expires': expiryMs + load.warmUpMs + (load.durationMs ?? longRunMs),
        ...(verb === 'publish' && { 'x-max-length': longestQueue }),
      },
    },
  };
  // The names are those of the broker, so that the vhost has no namespace.
  const { namespace: _, ...own } = config.vhosts[vhost] ?? emptyVhost;
  const each = <Item>(item: (name: string) => Item) => Object.fromEntries(names.map((name) => [name, item(name)]));
  return {
    config: {
      ...config,
      declare: true,
      vhosts: { ...config.vhosts, [vhost]: { ...own, exchanges: {}, bindings: [], queues: each(() => queue) } },
      publications: each((name) => ({ vhost, queue: name })),
      subscriptions: each((name) => ({ vhost, queue: name, rest: {} })),
    },
    load: { ...load, vhost, ownQueues: names, publications: names, subscriptions: names },
  };
}

const emptyVhost: VhostConfig = { connections: [], exchanges: {}, queues: {}, bindings: [], rest: {} };

function namedTargets(
  values: Values,
  { load, verb, name = '', subscription = name }: BenchSettings,
  configs: CheckedConfig,
): Targets {
  const publications = verb === 'consume' ? [] : [name];
  const subscriptions = verb === 'consume' ? [name] : verb === 'pipe' ? [subscription] : [];
  const config = configFor(configs, { publications, subscriptions });
  for (const one of publications) refuseUnknown(values, 'publication', one, Object.keys(config.publications));
  for (const one of subscriptions) refuseUnknown(values, 'subscription', one, Object.keys(config.subscriptions));
  if (config.schemas.publications[name] !== undefined && publications.length > 0)
    throw values.usage(
      `the bodies of mq bench do not match the schema of the publication '${name}'`,
      'use a publication without a schema; without a name, mq bench uses a queue of its own',
    );
  if (verb === 'consume' && values.flag('drop-messages') !== true)
    throw values.usage(
      `consume acknowledges the messages of the subscription '${name}', which are then lost`,
      '--drop-messages permits that; without a name, mq bench fills a queue of its own',
    );
  const { vhost = '/' } = config.publications[name] ?? config.subscriptions[name] ?? {};
  const prefetch = values.given.includes('prefetch') ? undefined : config.subscriptions[subscription]?.prefetch;
  return {
    config,
    load: { ...load, prefetch: prefetch ?? load.prefetch, vhost, ownQueues: [], publications, subscriptions },
  };
}

function refuseUnknown(
  values: Values,
  kind: 'publication' | 'subscription',
  name: string,
  known: readonly string[],
): void {
  if (known.includes(name)) return;
  const near = nearest(name, known);
  const suggestion = near === undefined ? '' : `; did you mean '${near}'?`;
  throw new MqError('USAGE', `there is no ${kind} '${name}'${suggestion}`, {
    hint: `mq ${values.command} ${values.verb} without a name uses a queue of its own`,
  });
}
