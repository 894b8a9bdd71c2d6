// Runs one trial: starts a publisher and receivers with a steady load, injects faults in sequence, and returns the verdict.

import { readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { executable as built, emptyFolder } from '../support/mq.ts';
import { randomOf } from '../support/random.ts';
import { until } from '../support/until.ts';
import type { Fault, FaultContext } from './fault.ts';
import { emptyHistory, type History } from './history.ts';
import { Receivers } from './receivers.ts';
import { Sender } from './sender.ts';
import { drain, type TrialBroker } from './trial-broker.ts';
import { type Injection, type Verdict, verdictOf } from './verdict.ts';

export interface Trial {
  readonly broker: TrialBroker;
  /** Faults with the same queue type. */
  readonly faults: readonly Fault[];
  readonly seed: number;
  readonly isLong?: boolean;
  /** Number of injections of each fault. Defaults to the number in the fault. */
  readonly times?: number;
  /** The executable. Defaults to dist/mq. */
  readonly executable?: string;
  /** Messages per second. */
  readonly rate?: number;
  /** Average time before a fault, in milliseconds. */
  readonly healthyMs?: number;
  readonly handlerMs?: number;
  /** Milliseconds after the last fault until an unhandled message counts as stuck. */
  readonly settleMs?: number;
  /** Milliseconds after which a receiver that has handled no new message counts as not recovered. */
  readonly recoveryLimitMs?: number;
  readonly log?: (line: string) => void;
}

const window = 256;

export async function runTrial(trial: Trial): Promise<Verdict> {
  const { broker, faults, seed, isLong = false, executable = built, rate = 400, handlerMs = 5 } = trial;
  const {
    healthyMs = isLong ? 20_000 : 1500,
    settleMs = 45_000,
    recoveryLimitMs = 90_000,
    log = () => undefined,
  } = trial;
  const ordered = faults.some((fault) => fault.ordered);
  const [count, prefetch] = ordered ? [1, 1] : [2, 20];
  const history = emptyHistory();
  const cwd = emptyFolder({ 'rascal.json': configuration(faults) });
  const common = { executable, cwd, env: { MQ_URL: broker.vhost.url }, history };
  const exec = faults.some((fault) => fault.exec);
  const work = exec ? ({ handler: 'exec', handlerMs: 100 } as const) : ({ handler: 'module', handlerMs } as const);
  const receivers = new Receivers({ ...common, count, prefetch, ...work });
  const most = ordered ? 100 : exec ? 30 : Number.POSITIVE_INFINITY;
  const sender = new Sender({ ...common, rate: Math.min(rate, most), window: exec ? 32 : window, name: `m${seed}` });
  const random = randomOf(seed);
  const context: FaultContext = { broker, sender, receivers, random, isLong };
  const injections: Injection[] = [];
  try {
    await receivers.start();
    sender.start();
    await handledByAll(history, receivers, { from: 0, withinMs: 60_000 });
    for (const fault of faults) {
      const times = trial.times ?? fault.times[isLong ? 'long' : 'short'];
      for (let time = 0; time < times; time++) {
        await delay(healthyMs * (0.5 + random.below(1000) / 1000));
        const recoveryMs = await inject(fault, context, { history, recoveryLimitMs });
        injections.push({ fault: fault.name, recoveryMs, targetMs: fault.targetMs });
        log(`${fault.name} ${time + 1}/${times}: recovery ${recoveryMs ?? 'never'} ms`);
        if (recoveryMs === undefined) break;
      }
    }
    await broker.heal();
    await delay(healthyMs);
    await sender.finish(settleMs);
    await until('all confirmed messages are handled', () => allHandled(history), settleMs).catch(() => undefined);
    await receivers.finish();
    const left = await leftProcesses(cwd);
    if (left.length > 0) history.errors.push(`still running: ${left.join(', ')}`);
    await drain(broker, history);
  } finally {
    sender.kill();
    receivers.close();
  }
  if (faults.some(({ refuses }) => refuses) && ![...history.outcomes.values()].includes('refused'))
    history.errors.push('no message was refused: the fault had no effect, or mq did not report the refusals');
  writeFileSync(
    join(cwd, 'history.json'),
    JSON.stringify(history, (_, value) => plain(value)),
  );
  const duplicates = (window + prefetch * count) * injections.length;
  const verdict = verdictOf(history, { duplicates, order: ordered }, injections);
  if (verdict.failures.length === 0) rmSync(cwd, { recursive: true });
  else log(`complete history: ${join(cwd, 'history.json')}`);
  return verdict;
}

/** Injects a fault. Returns the recovery time in milliseconds, or `undefined` if a receiver did not recover in time. */
async function inject(
  fault: Fault,
  context: FaultContext,
  { history, recoveryLimitMs }: { history: History; recoveryLimitMs: number },
): Promise<number | undefined> {
  const { receivers } = context;
  const begun = Date.now();
  const { isOutage, holdMs, undo } = await fault.inject(context);
  await delay(holdMs);
  await undo();
  const undone = Date.now();
  try {
    const at = await handledByAll(history, receivers, { from: undone, withinMs: recoveryLimitMs });
    const silenceMs = longestSilence(history, receivers, { from: begun, to: at });
    if (!isOutage) return silenceMs;
    if (silenceMs < holdMs / 2)
      history.errors.push(
        `${fault.name}: the fault had no effect, because the longest pause of a receiver was ${silenceMs} ms`,
      );
    return at - undone;
  } catch {
    return undefined;
  }
}

/** Returns the longest time in which one of the receivers handled nothing. */
function longestSilence(history: History, receivers: Receivers, { from, to }: { from: number; to: number }): number {
  const silences = Array.from({ length: receivers.count }, (_, slot) => {
    const times = history.effects.filter((effect) => effect.slot === slot && effect.at > from).map(({ at }) => at);
    return [...times.filter((at) => at <= to), to].reduce(
      ({ longest, last }, at) => ({ longest: Math.max(longest, at - last), last: at }),
      { longest: 0, last: from },
    ).longest;
  });
  return Math.max(...silences);
}

/** Waits until every receiver has handled a message that was sent after `from`. Returns the time of the last receiver. */
async function handledByAll(
  history: History,
  receivers: Receivers,
  { from, withinMs }: { from: number; withinMs: number },
): Promise<number> {
  const firsts = new Map<number, number>();
  let next = 0;
  await until(
    'every receiver handles a new message',
    () => {
      for (; next < history.effects.length; next++) {
        const { body, slot, at } = history.effects[next] as (typeof history.effects)[number];
        if (!firsts.has(slot) && (history.attempted.get(body) ?? 0) >= from) firsts.set(slot, at);
      }
      return firsts.size === receivers.count;
    },
    withinMs,
  );
  return Math.max(...firsts.values());
}

function allHandled({ attempted, outcomes, effects }: History): boolean {
  const handled = new Set(effects.map(({ body }) => body));
  return [...attempted.keys()].every((body) => outcomes.get(body) !== 'confirmed' || handled.has(body));
}

/** Waits until no process runs in the folder of the trial. Returns the processes that still run at the end of the wait. */
async function leftProcesses(folder: string): Promise<string[]> {
  let left: string[] = [];
  const hasNone = () => {
    left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && folderOf(pid) === folder);
    return left.length === 0;
  };
  await until('no process of the trial runs', hasNone).catch(() => undefined);
  return left;
}

/** Returns the working folder of a process, or `undefined` if it has ended or belongs to another user. */
function folderOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function configuration(faults: readonly Fault[]): string {
  const type = faults[0]?.queueType ?? 'quorum';
  const other = faults.find((fault) => (fault.queueType ?? 'quorum') !== type);
  if (other) throw new Error(`${other.name} requires a different queue type than ${faults[0]?.name}`);
  const queueArguments = Object.assign({ 'x-queue-type': type }, ...faults.map((fault) => fault.queueArguments ?? {}));
  return JSON.stringify({
    vhosts: {
      '/': {
        exchanges: { faults: { type: 'direct', options: { durable: true } } },
        queues: { faults: { options: { durable: true, arguments: queueArguments } } },
        bindings: { work: { source: 'faults', destination: 'faults', bindingKey: 'work' } },
      },
    },
    publications: { faults: { exchange: 'faults', routingKey: 'work' } },
    subscriptions: { faults: { queue: 'faults' } },
    mq: { retry: { delays: [200, 500, 1000, 2000] } },
  });
}

function plain(value: unknown): unknown {
  return value instanceof Map || value instanceof Set ? [...value] : value;
}
