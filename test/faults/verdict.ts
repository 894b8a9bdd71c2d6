// The verdict on a history: Jepsen's total-queue, with mq as its own client.

import type { Effect, History, Run } from './history.ts';

/** What a trial promises. */
export interface Promises {
  /** Duplicates that the faults explain: (window + prefetch × consumers) per injection. */
  readonly duplicates: number;
  /** One publisher, one consumer, prefetch 1. */
  readonly order: boolean;
  /** Messages may be dropped: the user has configured that. Absent: none may. */
  readonly drops?: boolean;
  /** A message that may wait for its next attempt at the end. Absent: none may. */
  readonly mayWait?: (body: string) => boolean;
}

/** The most deliveries of one message to handlers within a minute. */
const mostPerMinute = 20;

/** One injected fault. */
export interface Injection {
  readonly fault: string;
  /** Milliseconds: see `isOutage` of a fault; undefined: some receiver handled nothing new any more. */
  readonly recoveryMs: number | undefined;
  /** The most that is promised. */
  readonly targetMs: number;
}

export interface Verdict {
  readonly attempted: number;
  readonly confirmed: number;
  readonly refused: number;
  readonly inDoubt: number;
  readonly handled: number;
  readonly deadLettered: number;
  /** mq says that it has dropped them. */
  readonly dropped: number;
  /** Of a ledger run: the most deliveries of one message within a minute. */
  readonly perMinute: number | undefined;
  /** Confirmed, and neither handled nor anywhere in the broker nor dropped. */
  readonly lost: number;
  /** Seen, and never attempted. */
  readonly unexpected: number;
  /** Seen again, after the first time. */
  readonly duplicated: number;
  /** In doubt, and seen: legal. */
  readonly recovered: number;
  /** Confirmed, and still in the queue when there was time enough. */
  readonly stuck: number;
  /** Handed to a publisher that ended by itself, which said nothing of them. */
  readonly unaccounted: number;
  /** First deliveries out of order; undefined: no order is promised. */
  readonly inversions: number | undefined;
  readonly injections: readonly Injection[];
  /** Why it is not passed; empty: it is. */
  readonly failures: readonly string[];
}

export function verdictOf(history: History, promises: Promises, injections: readonly Injection[] = []): Verdict {
  const { attempted, outcomes, cutOff, effects, runs, drained, deadLettered, misdeeds } = history;
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
    ...told('lost', lost),
    ...told('unexpected', unexpected),
    ...told('stuck', stuck),
    ...told('unaccounted', unaccounted),
    ...(drops ? [] : told('dropped, though no policy says so', [...dropped])),
    ...(perMinute !== undefined && perMinute.count > mostPerMinute
      ? [`${perMinute.body} was delivered ${perMinute.count} times within a minute: at most ${mostPerMinute}`]
      : []),
    ...(duplicated > promises.duplicates
      ? [`${duplicated} duplicated: at most ${promises.duplicates} are explained`]
      : []),
    ...(inversions ? [`${inversions} inversions, where order is promised`] : []),
    ...injections.filter(({ recoveryMs }) => recoveryMs === undefined).map(({ fault }) => `deaf after ${fault}`),
    ...misdeeds,
    ...(attempted.size === 0 || handled.size === 0 ? ['nothing was handled: the trial says nothing'] : []),
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

/** The message with the most deliveries within any minute; undefined where deliveries were not written down. */
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

/** The first delivery of a message that comes after the first delivery of a later one. Redeliveries promise nothing. */
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

function told(what: string, bodies: readonly string[]): string[] {
  if (bodies.length === 0) return [];
  const shown = bodies.slice(0, 5).join(', ');
  return [`${bodies.length} ${what}: ${shown}${bodies.length > 5 ? ', …' : ''}`];
}
