// Runs mq bench for a test, and reads its result.

import * as assert from 'uvu/assert';
import type { Place } from './embedded.ts';
import { emptyFolder, type MqResult, mq } from './mq.ts';

export interface BenchResult {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly loop: string;
  readonly latencyMs: Readonly<Record<string, number>>;
  readonly histogram: { readonly counts: readonly (readonly [number, number])[] };
  readonly failure?: { readonly code: string };
  readonly thresholds: readonly { readonly threshold: string; readonly holds: boolean }[];
  readonly versions: { readonly mq: string; readonly node: string; readonly broker: { readonly product: string } };
}

/** Returns the result in the last line of `--json`. */
export function resultIn({ stdout, stderr }: MqResult): BenchResult {
  const line = stdout.trim().split('\n').at(-1) ?? '';
  assert.match(line, /^\{"type":"result"/, stderr);
  return JSON.parse(line) as BenchResult;
}

export const bench = (url: string, args: readonly string[], cwd = emptyFolder()) =>
  mq(['bench', ...args], { env: { MQ_URL: url }, cwd });

export const rascal = JSON.stringify({
  vhosts: { '/': { queues: { orders: {} } } },
  publications: { orders: { queue: 'orders' } },
  subscriptions: { orders: { queue: 'orders' } },
  mq: { bench: { pipe: { thresholds: ['lost==0'] } } },
});

/** Returns the names of the queues of the broker. */
export const queuesOf = ({ broker }: Place) => [...(broker.vhosts.get('/')?.queues.keys() ?? [])];
