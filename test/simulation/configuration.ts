// Writes the configuration files of the roles of a plan.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from './plan.ts';

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
  const { attempts, delays, native, requesters } = plan;
  const names = ['work', ...(requesters === undefined ? [] : ['rpc'])];
  const each = <T>(value: (name: string) => T) => Object.fromEntries(names.map((name) => [name, value(name)]));
  return {
    vhosts: {
      '/': {
        exchanges: { work: { type: 'direct', options: { durable: true } } },
        queues: each((name) => ({ options: queueOf(plan, name === 'work' ? change : undefined) })),
        bindings: each((name) => ({ source: 'work', destination: name, bindingKey: name })),
      },
    },
    publications: each((name) => ({ exchange: 'work', routingKey: name })),
    subscriptions: each((name) => ({ queue: name })),
    mq: { retry: { attempts, delays, ...(native && { native }) } },
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
