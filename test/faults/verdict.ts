// Evaluates a history in the same way as Jepsen's checker `total-queue`, with mq as the client.

import type { Effect, History, Run } from './history.ts';

/** The guarantees that a trial must keep. */
export interface Guarantees {
  /** Maximum number of duplicates that the faults can cause: (window + prefetch × consumers) per injection. */
  readonly duplicates: number;
  /** True if the order is guaranteed, because there is one publisher, and one consumer with prefetch 1. */
  readonly order: boolean;
  /** True if the configuration drops failed messages. Defaults to false. */
  readonly drops?: boolean;
  /** Returns true if this message may still wait for its next attempt at the end. Defaults to false for all messages. */
  readonly mayWait?: (body: string) => boolean;
}

/** Maximum number of deliveries of one message to handlers within a minute. */
export const mostPerMinute = 20;

/** One injected fault. */
export interface Injection {
  readonly fault: string;
  /** Recovery time in milliseconds (see `Injected.isOutage`), or `undefined` if a receiver did not recover. */
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
  /** The most deliveries of one message within a minute; `undefined` if there was no ledger run. */
  readonly perMinute: number | undefined;
  /** Messages that were confirmed, but were not handled or dropped, and are not in the broker. */
  readonly lost: number;
  /** Messages that were received although they were never published. */
  readonly unexpected: number;
  /** The number of times that a message was received again. */
  readonly duplicated: number;
  /** Messages in doubt that were received, which is allowed. */
  readonly recovered: number;
  /** Confirmed messages that were still in a queue after the grace period. */
  readonly stuck: number;
  /** Messages without an outcome, although their publisher was not stopped. */
  readonly unaccounted: number;
  /** Number of first deliveries out of order, or `undefined` if no order is guaranteed. */
  readonly inversions: number | undefined;
  readonly injections: readonly Injection[];
  /** The reasons why the trial failed. Empty if it passed. */
  readonly failures: readonly string[];
}

export function verdictOf(history: History, guarantees: Guarantees, injections: readonly Injection[] = []): Verdict {
  const { attempted, outcomes, cutOff, effects, runs, drained, deadLettered, errors } = history;
  const { drops = false, mayWait = () => false } = guarantees;
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
  const inversions = guarantees.order ? inversionsOf(effects, [...attempted.keys()]) : undefined;
  const failures = [
    ...listed('lost', lost),
    ...listed('unexpected', unexpected),
    ...listed('stuck', stuck),
    ...listed('unaccounted', unaccounted),
    ...(drops ? [] : listed('dropped without a policy that drops', [...dropped])),
    ...(perMinute !== undefined && perMinute.count > mostPerMinute
      ? [
          `${perMinute.body} was delivered ${perMinute.count} times within a minute, at most ${mostPerMinute} are allowed`,
        ]
      : []),
    ...(duplicated > guarantees.duplicates
      ? [`${duplicated} duplicated, the faults explain at most ${guarantees.duplicates}`]
      : []),
    ...(inversions ? [`${inversions} inversions, although order is guaranteed`] : []),
    ...injections.filter(({ recoveryMs }) => recoveryMs === undefined).map(({ fault }) => `no recovery after ${fault}`),
    ...errors,
    ...(attempted.size === 0 || handled.size === 0 ? ['no message was handled'] : []),
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

/**
 * Returns the number of messages whose first delivery came after the first delivery of a later message. Ignores messages that
 * were redelivered, because their order is not guaranteed. mq sends a redelivered message of a classic queue through a wait
 * queue, so a copy that its publisher has sent again can reach a handler before it.
 */
function inversionsOf(effects: readonly Effect[], order: readonly string[]): number {
  const positions = new Map(order.map((body, position) => [body, position]));
  const again = new Set(effects.filter(({ redelivered }) => redelivered).map(({ body }) => body));
  const seen = new Set<string>();
  let last = -1;
  let inversions = 0;
  for (const { body, attempt } of effects) {
    const position = positions.get(body);
    if (position === undefined || seen.has(body)) continue;
    seen.add(body);
    if (again.has(body) || attempt > 1) continue;
    if (position < last) inversions += 1;
    else last = position;
  }
  return inversions;
}

function listed(what: string, bodies: readonly string[]): string[] {
  if (bodies.length === 0) return [];
  const shown = bodies.slice(0, 5).join(', ');
  return [`${bodies.length} ${what}: ${shown}${bodies.length > 5 ? ', …' : ''}`];
}
