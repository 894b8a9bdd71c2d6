// Evaluates a history: Jepsen's total-queue checker, with mq as the client.

import type { Effect, History, Run } from './history.ts';

/** The guarantees of a trial. */
export interface Promises {
  /** Duplicates that the faults can cause: (window + prefetch × consumers) per injection. */
  readonly duplicates: number;
  /** One publisher, one consumer, prefetch 1. */
  readonly order: boolean;
  /** Returns true if the configuration drops this message. Default: no message is dropped. */
  readonly drops?: boolean;
  /** Returns true if this message may still wait for its next attempt at the end. Default: no message may. */
  readonly mayWait?: (body: string) => boolean;
}

/** Maximum deliveries of one message to handlers within a minute. */
const mostPerMinute = 20;

/** One injected fault. */
export interface Injection {
  readonly fault: string;
  /** Recovery in milliseconds (see `isOutage` of a fault), or `undefined` if a receiver handled nothing new. */
  readonly recoveryMs: number | undefined;
  /** Maximum recovery time in milliseconds. */
  readonly targetMs: number;
}

export interface Verdict {
  readonly attempted: number;
  readonly confirmed: number;
  readonly refused: number;
  readonly inDoubt: number;
  readonly handled: number;
  readonly deadLettered: number;
  /** Messages that mq reported as dropped. */
  readonly dropped: number;
  /** Maximum deliveries of one message within a minute in a ledger run. */
  readonly perMinute: number | undefined;
  /** Confirmed, and neither handled nor in the broker nor dropped. */
  readonly lost: number;
  /** Received although they were never published. */
  readonly unexpected: number;
  /** Received again after the first time. */
  readonly duplicated: number;
  /** In doubt, and received: allowed. */
  readonly recovered: number;
  /** Confirmed, and still in the queue after the grace period. */
  readonly stuck: number;
  /** Without an outcome from a publisher that was not stopped. */
  readonly unaccounted: number;
  /** First deliveries out of order, or `undefined` if no order is guaranteed. */
  readonly inversions: number | undefined;
  readonly injections: readonly Injection[];
  /** Reasons why the trial failed. Empty if it passed. */
  readonly failures: readonly string[];
}

export function verdictOf(history: History, promises: Promises, injections: readonly Injection[] = []): Verdict {
  const { attempted, outcomes, cutOff, effects, runs, drained, deadLettered, violations } = history;
  const { drops = false, mayWait = () => false } = promises;
  const handled = new Set(effects.map(({ body }) => body));
  const inQueue = new Set(drained);
  const dead = new Set(deadLettered);
  const dropped = new Set(history.dropped);
  const seen = [...effects.map(({ body }) => body), ...drained, ...deadLettered, ...history.dropped];
  const unexpected = seen.filter((body) => !attempted.has(body));
  const of = { confirmed: [] as string[], refused: [] as string[], 'in doubt': [] as string[] };
  const unaccounted: string[] = [];
  for (const body of attempted.keys()) {
    const outcome = outcomes.get(body) ?? (cutOff.has(body) ? 'in doubt' : undefined);
    if (outcome === undefined) unaccounted.push(body);
    else of[outcome].push(body);
  }
  const isSettled = (body: string) => handled.has(body) || dead.has(body) || dropped.has(body);
  const lost = of.confirmed.filter((body) => !isSettled(body) && !inQueue.has(body));
  const stuck = of.confirmed.filter((body) => !isSettled(body) && inQueue.has(body) && !mayWait(body));
  const perMinute = mostWithinMinute(runs);
  const duplicated = seen.length - new Set(seen).size;
  const inversions = promises.order ? inversionsOf(effects, [...attempted.keys()]) : undefined;
  const failures = [
    ...listed('lost', lost),
    ...listed('unexpected', unexpected),
    ...listed('stuck', stuck),
    ...listed('unaccounted', unaccounted),
    ...(drops ? [] : listed('dropped without a policy that drops', [...dropped])),
    ...(perMinute !== undefined && perMinute.count > mostPerMinute
      ? [`${perMinute.body} was delivered ${perMinute.count} times within a minute: at most ${mostPerMinute}`]
      : []),
    ...(duplicated > promises.duplicates
      ? [`${duplicated} duplicated: the faults explain at most ${promises.duplicates}`]
      : []),
    ...(inversions ? [`${inversions} inversions, although order is guaranteed`] : []),
    ...injections.filter(({ recoveryMs }) => recoveryMs === undefined).map(({ fault }) => `no recovery after ${fault}`),
    ...violations,
    ...(attempted.size === 0 || handled.size === 0 ? ['nothing was handled: the trial shows nothing'] : []),
  ];
  return {
    attempted: attempted.size,
    confirmed: of.confirmed.length,
    refused: of.refused.length,
    inDoubt: of['in doubt'].length,
    handled: handled.size,
    deadLettered: dead.size,
    dropped: dropped.size,
    perMinute: perMinute?.count,
    lost: lost.length,
    unexpected: unexpected.length,
    duplicated,
    recovered: of['in doubt'].filter((body) => handled.has(body) || inQueue.has(body) || dead.has(body)).length,
    stuck: stuck.length,
    unaccounted: unaccounted.length,
    inversions,
    injections,
    failures,
  };
}

/** Returns the message with the most deliveries within a minute, or `undefined` if deliveries were not recorded. */
function mostWithinMinute(runs: readonly Run[]): { body: string; count: number } | undefined {
  let most: { body: string; count: number } | undefined;
  for (const [body, all] of Map.groupBy(runs, (run) => run.body)) {
    const times = all.map(({ at }) => at).sort((a, b) => a - b);
    let first = 0;
    for (const [last, at] of times.entries()) {
      while ((times[first] ?? at) <= at - 60_000) first += 1;
      const count = last - first + 1;
      if (count > (most?.count ?? 0)) most = { body, count };
    }
  }
  return most;
}

/** Returns messages whose first delivery follows the first delivery of a later message. Redeliveries have no guaranteed order. */
function inversionsOf(effects: readonly Effect[], order: readonly string[]): number {
  const places = new Map(order.map((body, place) => [body, place]));
  const seen = new Set<string>();
  let last = -1;
  let inversions = 0;
  for (const { body, redelivered, attempt } of effects) {
    const place = places.get(body);
    if (place === undefined || seen.has(body)) continue;
    seen.add(body);
    if (redelivered || attempt > 1) continue;
    if (place < last) inversions += 1;
    else last = place;
  }
  return inversions;
}

function listed(what: string, bodies: readonly string[]): string[] {
  if (bodies.length === 0) return [];
  const shown = bodies.slice(0, 5).join(', ');
  return [`${bodies.length} ${what}: ${shown}${bodies.length > 5 ? ', …' : ''}`];
}
