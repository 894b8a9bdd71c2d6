// Runs one trial: a publisher and receivers under a steady load, faults in sequence, and the verdict.

import { readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { executable as built, emptyFolder } from '../support/mq.ts';
import { randomOf } from '../support/random.ts';
import { until } from '../support/until.ts';
import type { Fault, Stage } from './fault.ts';
import { emptyHistory, type History } from './history.ts';
import { drain, type Place } from './place.ts';
import { Receivers } from './receivers.ts';
import { Sender } from './sender.ts';
import { type Injection, type Verdict, verdictOf } from './verdict.ts';

export interface Trial {
  readonly place: Place;
  /** Faults with the same queue type. */
  readonly faults: readonly Fault[];
  readonly seed: number;
  readonly isLong?: boolean;
  /** Injections of each fault. Default: the fault's own number. */
  readonly times?: number;
  /** Executable. Default dist/mq. */
  readonly executable?: string;
  /** Messages per second. */
  readonly rate?: number;
  /** Average milliseconds before a fault. */
  readonly healthyMs?: number;
  readonly handlerMs?: number;
  /** Milliseconds after the last fault until an unhandled message is stuck. */
  readonly settleMs?: number;
  /** Milliseconds after which a receiver without a new message has failed to recover. */
  readonly recoveryLimitMs?: number;
  readonly say?: (line: string) => void;
}

const window = 256;

export async function runTrial(trial: Trial): Promise<Verdict> {
  const { place, faults, seed, isLong = false, executable = built, rate = 400, handlerMs = 5 } = trial;
  const {
    healthyMs = isLong ? 20_000 : 1500,
    settleMs = 45_000,
    recoveryLimitMs = 90_000,
    say = () => undefined,
  } = trial;
  const ordered = faults.some((fault) => fault.ordered);
  const [count, prefetch] = ordered ? [1, 1] : [2, 20];
  const history = emptyHistory();
  const cwd = emptyFolder({ 'rascal.json': configuration(faults) });
  const common = { executable, cwd, env: { MQ_URL: place.vhost.url }, history };
  const exec = faults.some((fault) => fault.exec);
  const work = exec ? ({ handler: 'exec', handlerMs: 100 } as const) : ({ handler: 'module', handlerMs } as const);
  const receivers = new Receivers({ ...common, count, prefetch, ...work });
  const most = ordered ? 100 : exec ? 30 : Number.POSITIVE_INFINITY;
  const sender = new Sender({ ...common, rate: Math.min(rate, most), window: exec ? 32 : window, name: `m${seed}` });
  const random = randomOf(seed);
  const stage: Stage = { place, sender, receivers, random, isLong };
  const injections: Injection[] = [];
  try {
    await receivers.start();
    sender.start();
    await handledByAll(history, receivers, { from: 0, withinMs: 60_000 });
    for (const fault of faults) {
      const times = trial.times ?? fault.times[isLong ? 'long' : 'short'];
      for (let time = 0; time < times; time++) {
        await delay(healthyMs * (0.5 + random.below(1000) / 1000));
        const recoveryMs = await inject(fault, stage, { history, recoveryLimitMs });
        injections.push({ fault: fault.name, recoveryMs, targetMs: fault.targetMs });
        say(`${fault.name} ${time + 1}/${times}: recovery ${recoveryMs ?? 'never'} ms`);
        if (recoveryMs === undefined) break;
      }
    }
    await place.heal();
    await delay(healthyMs);
    await sender.finish(settleMs);
    await until('all that is confirmed is handled', () => allHandled(history), settleMs).catch(() => undefined);
    await receivers.finish();
    const left = await leftProcesses(cwd);
    if (left.length > 0) history.violations.push(`still running: ${left.join(', ')}`);
    await drain(place, history);
  } finally {
    sender.kill();
    receivers.close();
  }
  if (faults.some(({ refuses }) => refuses) && ![...history.outcomes.values()].includes('refused'))
    history.violations.push('nothing was refused: the fault had no effect, or mq did not report the refusals');
  writeFileSync(
    join(cwd, 'history.json'),
    JSON.stringify(history, (_, value) => plain(value)),
  );
  const duplicates = (window + prefetch * count) * injections.length;
  const verdict = verdictOf(history, { duplicates, order: ordered }, injections);
  if (verdict.failures.length === 0) rmSync(cwd, { recursive: true });
  else say(`all that happened: ${join(cwd, 'history.json')}`);
  return verdict;
}

/** Returns the milliseconds to the recovery, or `undefined` if a receiver handled nothing new in time. */
async function inject(
  fault: Fault,
  stage: Stage,
  { history, recoveryLimitMs }: { history: History; recoveryLimitMs: number },
): Promise<number | undefined> {
  const { receivers } = stage;
  const begun = Date.now();
  const { isOutage, holdMs, undo } = await fault.inject(stage);
  await delay(holdMs);
  await undo();
  const undone = Date.now();
  try {
    const at = await handledByAll(history, receivers, { from: undone, withinMs: recoveryLimitMs });
    const silenceMs = longestSilence(history, receivers, { from: begun, to: at });
    if (!isOutage) return silenceMs;
    if (silenceMs < holdMs / 2)
      history.violations.push(`${fault.name}: silent for ${silenceMs} ms: the fault did nothing`);
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

/** Waits until every receiver has handled a message sent after `since`. Returns the time when the last one had. */
async function handledByAll(
  history: History,
  receivers: Receivers,
  { from, withinMs }: { from: number; withinMs: number },
): Promise<number> {
  const firsts = new Map<number, number>();
  let looked = 0;
  await until(
    'every receiver handles a new message',
    () => {
      for (; looked < history.effects.length; looked++) {
        const { body, slot, at } = history.effects[looked] as (typeof history.effects)[number];
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

/** Returns the processes that still run in the folder of the trial after a grace period. */
async function leftProcesses(folder: string): Promise<string[]> {
  let left: string[] = [];
  const look = () => {
    left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && folderOf(pid) === folder);
    return left.length === 0;
  };
  await until('nothing of the trial runs', look).catch(() => undefined);
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
  if (other) throw new Error(`${other.name} needs another queue than ${faults[0]?.name}`);
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
