// Reads the options of mq bench.

import { smallestBody } from '../../../bench/body.ts';
import type { BenchVerb, Load } from '../../../bench/load.ts';
import { type Config, parseThreshold, type Threshold } from '../../../config/config.ts';
import { longestBody } from '../../../roles/input.ts';
import { benchQueueTypes } from '../../arguments/bench-options.ts';
import { intervalOf } from '../../arguments/rate.ts';
import type { Values } from '../../arguments/values.ts';

export interface BenchSettings {
  readonly verb: BenchVerb;
  /** Publication or subscription of rascal.json. `undefined` means queues of the benchmark. */
  readonly name: string | undefined;
  /** Subscription of `pipe`. */
  readonly subscription: string | undefined;
  readonly load: Omit<Load, 'publications' | 'subscriptions' | 'ownQueues' | 'vhost'>;
  readonly queues: number;
  readonly queueType: (typeof benchQueueTypes)[number];
  readonly processes: number;
  readonly thresholds: readonly Threshold[];
  readonly aborts: boolean;
  readonly baseline: string | undefined;
  /** Share by which a figure may be worse than the baseline. */
  readonly tolerance: number;
  readonly svg: string | undefined;
  readonly json: boolean;
}

const mostClients = 1000;

export function settingsOf(verb: BenchVerb, values: Values, config: Config): BenchSettings {
  values.expectAtMost(verb === 'pipe' ? 2 : 1);
  const [name, subscription = name] = values.args;
  if (values.args.includes('')) throw values.usage('a name is empty');
  if (name === undefined) refuseOptions(values, ['routing-key', 'drop-messages'], 'requires a name of rascal.json');
  else refuseOptions(values, ['queues', 'queue-type'], `applies to queues of the benchmark, not to '${name}'`);
  const processes = values.whole('processes', { min: 1, max: 64 }) ?? 1;
  if (processes > 1) refuseShared(verb, values, name);
  const tolerance = percentOf(values);
  if (values.name('tolerance') !== undefined && values.name('baseline') === undefined)
    throw values.usage('--tolerance requires --baseline');
  return {
    ...{ verb, name, subscription, processes, tolerance },
    load: loadOf(verb, values, name),
    queues: values.whole('queues', { min: 1, max: mostClients }) ?? 1,
    queueType: queueTypeOf(values),
    thresholds: [...(config.bench?.[verb] ?? []), ...values.list('threshold').map((text) => thresholdOf(values, text))],
    aborts: values.flag('abort') ?? false,
    baseline: values.name('baseline'),
    svg: values.name('svg'),
    json: values.flag('json') ?? false,
  };
}

function loadOf(verb: BenchVerb, values: Values, name: string | undefined): BenchSettings['load'] {
  const queues = values.whole('queues', { min: 1, max: mostClients }) ?? 1;
  const clients = (option: string) => values.whole(option, { min: 1, max: mostClients });
  const [producers = queues, consumers = queues] = [clients('producers'), clients('consumers')];
  if (producers < queues || consumers < queues)
    throw values.usage(`${queues} queues need at least ${queues} producers and consumers`);
  const [count, duration] = [values.whole('count', { min: 1 }), values.duration('duration')];
  // mq bench consume ends when its own queues are empty.
  const isEndless = count === undefined && !(verb === 'consume' && name === undefined);
  return {
    verb,
    intervalMs: intervalOf(values),
    warmUpMs: /^0(ms|s|m|h)?$/.test(values.text('warm-up') ?? '')
      ? 0
      : (values.duration('warm-up') ?? (verb === 'consume' || name !== undefined ? 0 : 1000)),
    durationMs: duration ?? (isEndless ? 10_000 : undefined),
    ...{ count, producers, consumers },
    size: sizeOf(values),
    window: values.whole('window', { min: 1, max: 65_535 }) ?? (verb === 'rpc' ? 64 : 256),
    prefetch: values.whole('prefetch', { min: 1, max: 65_535 }) ?? 256,
    persistent: values.flag('persistent') ?? (name === undefined ? true : undefined),
    routingKey: values.text('routing-key'),
    acceptsAll: verb === 'consume' && name !== undefined,
    replyTimeoutMs: values.duration('timeout') ?? 30_000,
    drainMs: values.duration('drain') ?? 25_000,
  };
}

function sizeOf(values: Values): number {
  const size = values.bytes('size') ?? 100;
  if (size >= smallestBody && size <= longestBody) return size;
  throw values.usage(
    `--size must be from ${smallestBody} bytes (the marks of the benchmark) to ${longestBody} (512MiB, the largest message of RabbitMQ), not '${values.text('size')}'`,
  );
}

function queueTypeOf(values: Values): BenchSettings['queueType'] {
  if (values.text('queue-type') === 'stream')
    throw values.usage(
      '--queue-type stream is not possible, because a stream cannot expire by itself if mq is killed',
      'with a name, pipe and publish use a stream of rascal.json',
    );
  return values.choice('queue-type', benchQueueTypes) ?? 'quorum';
}

function refuseOptions(values: Values, names: readonly string[], why: string): void {
  const given = names.find((name) => values.given.includes(name));
  if (given !== undefined) throw values.usage(`--${given} ${why}`);
}

/** Refuses several processes where one receives the messages of another, and input that only one can read. */
function refuseShared(verb: BenchVerb, values: Values, name: string | undefined): void {
  if (verb === 'pipe' && name !== undefined)
    throw values.usage('--processes requires queues of the benchmark: with a name, all processes use one queue');
  if (values.text('url-file') === '-') throw values.usage('--processes excludes --url-file -, which only one can read');
}

function thresholdOf(values: Values, text: string): Threshold {
  const threshold = parseThreshold(text);
  if (typeof threshold === 'string') throw values.usage(`--threshold: ${threshold}`);
  return threshold;
}

function percentOf(values: Values): number {
  const text = values.text('tolerance') ?? '10%';
  const [, digits] = /^(\d{1,4}(?:\.\d{1,3})?)%$/.exec(text) ?? [];
  if (digits === undefined) throw values.usage(`--tolerance must be a percentage such as 10%, not '${text}'`);
  return Number(digits) / 100;
}
