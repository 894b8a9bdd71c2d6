// Writes the configuration files of the roles of a plan.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lane, laneName, lanesOf, vhostsOf } from './lanes.ts';
import type { Plan } from './plan.ts';
import { archive } from './recordings/plan.ts';
import { type PlannedStream, streamName } from './streams/plan.ts';

const files = new Map<string, string>();
let folder: string | undefined;

/** Differences of the queue `work` from the settings of the plan. */
export interface QueueChange {
  readonly queueType: Plan['queueType'];
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Returns the path of the configuration of a plan. Equal configurations share a file. */
export function configurationFile(plan: Plan, change?: QueueChange): string {
  const text = JSON.stringify(configurationOf(plan, change));
  let file = files.get(text);
  if (file === undefined) {
    folder ??= mkdtempSync(join(tmpdir(), 'mq-simulation-'));
    file = join(folder, `${files.size}.json`);
    writeFileSync(file, text);
    files.set(text, file);
  }
  return file;
}

function configurationOf(plan: Plan, change: QueueChange | undefined): object {
  const { attempts, delays, native, requesters, exclusive, stream, recording } = plan;
  const lanes = lanesOf(plan).map((lane, index) => ({ ...lane, name: laneName(index) }));
  const others = [...(requesters ? ['rpc'] : []), ...(stream ? [streamName] : []), ...(recording ? [archive] : [])];
  const all = [...lanes, ...others.map((name) => ({ vhost: '/', queue: name, name }))];
  const each = <T>(list: typeof all, value: (one: Lane) => T, key: 'name' | 'queue') =>
    Object.fromEntries(list.map((one) => [one[key], value(one)]));
  const vhostOf = (vhost: string) => {
    const own = all.filter((one) => one.vhost === vhost);
    const isChanged = (queue: string) => vhost === '/' && queue === 'work';
    const optionsOf = (queue: string) =>
      stream && queue === streamName ? streamOf(stream) : queueOf(plan, isChanged(queue) ? change : undefined);
    return {
      exchanges: { work: { type: 'direct', options: { durable: true } } },
      queues: each(own, ({ queue }) => ({ options: optionsOf(queue) }), 'queue'),
      bindings: each(own, ({ queue }) => ({ source: 'work', destination: queue, bindingKey: queue }), 'queue'),
    };
  };
  return {
    vhosts: Object.fromEntries(vhostsOf(plan).map((vhost) => [vhost, vhostOf(vhost)])),
    publications: each(all, ({ vhost, queue }) => ({ vhost, exchange: 'work', routingKey: queue }), 'name'),
    subscriptions: each(
      all,
      ({ vhost, queue }) => ({ vhost, queue, ...(exclusive && !others.includes(queue) && { options: { exclusive } }) }),
      'name',
    ),
    mq: { retry: { attempts, delays, ...(native && { native }) } },
  };
}

function streamOf({ segmentBytes }: PlannedStream): object {
  return {
    durable: true,
    arguments: { 'x-queue-type': 'stream', 'x-stream-max-segment-size-bytes': segmentBytes },
  };
}

function queueOf({ queueType, native, delays, consumers }: Plan, change: QueueChange | undefined): object {
  return {
    durable: true,
    arguments: {
      'x-queue-type': change?.queueType ?? queueType,
      ...(native && { 'x-delayed-retry-type': 'failed', 'x-delayed-retry-min': delays[0], 'x-delivery-limit': -1 }),
      ...(consumers.some(({ isSingle }) => isSingle) && { 'x-single-active-consumer': true }),
      ...change?.arguments,
    },
  };
}
