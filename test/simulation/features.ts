// Adds features to the plan of a seed: kinds of handlers and their ends, policies, other behaviours, and commands. Each seed
// turns a few of them on. They have random numbers of their own, so that a new feature does not change the rest of a plan.

import { type Random, randomOf } from '../support/random.ts';
import { withAims } from './aims.ts';
import { withApi } from './api/plan.ts';
import { commandNames } from './command-roles.ts';
import type { Lane } from './lanes.ts';
import { type PlannedMessage, programWays } from './message.ts';
import type { Plan, PlannedConsumer, PlannedPublisher, PlannedStop } from './plan.ts';
import { quirks } from './programs.ts';
import { withRecordCommand, withRecording } from './recordings/plan.ts';
import type { PlannedReplacement } from './replacement.ts';
import { withStream } from './streams/plan.ts';

export type HandlerKind = 'module' | 'exec' | 'lines';

export function withFeatures(plan: Plan): Plan {
  const random = randomOf(plan.seed ^ 0x2545f491);
  return [
    withPolicies,
    withSenders,
    withStops,
    withHandlers,
    withRequests,
    withCommands,
    withSize,
    withLanes,
    withReplacement,
    withExclusive,
    withStart,
    withStream,
    withRecording,
    withRecordCommand,
    withApi,
    withAims,
  ].reduce((done, add) => add(done, random), plan);
}

/** Most roles start when the broker listens, because a failed start is a second without work. */
function withStart(plan: Plan, random: Random): Plan {
  return random.chance(0.15) ? { ...plan, isEarly: true } : plan;
}

/** Adds --on-fail exit and drop, native retries, and a queue with a single active consumer. */
function withPolicies(plan: Plan, random: Random): Plan {
  const onFail = random.pick([plan.onFail, plan.onFail, plan.onFail, 'exit', 'drop'] as const);
  const isNative = random.chance(0.2) && plan.onFail === 'retry' && onFail === 'retry';
  const isSingle = random.chance(0.1);
  const endWell = (message: PlannedMessage): PlannedMessage =>
    message.ways.at(-1) === 'ack' ? message : { ...message, ways: [...message.ways, 'ack'] };
  return {
    ...plan,
    onFail,
    // A message that always fails would end the role again and again.
    ...(onFail === 'exit' && {
      publishers: plan.publishers.map((one) => ({ ...one, messages: one.messages.map(endWell) })),
    }),
    ...(isNative && { native: true, queueType: 'quorum' }),
    ...(isSingle && { consumers: plan.consumers.map((one) => ({ ...one, isSingle })) }),
  };
}

function withSenders(plan: Plan, random: Random): Plan {
  const delays = random.pick([[undefined], [undefined], [undefined], [100, 3000, 20_000]]);
  const publishers = plan.publishers.map((one): PlannedPublisher => {
    const delayMs = random.pick(delays);
    return { ...one, ...(delayMs !== undefined && { delayMs }) };
  });
  return { ...plan, publishers };
}

function withStops(plan: Plan, random: Random): Plan {
  const stops = random.pick<readonly PlannedStop[]>([
    [{}],
    [{}],
    [{}],
    [{}],
    [{}, { count: 1 }, { count: 3 }, { idleMs: 500 }, { untilEmpty: true }, { maxTimeMs: 3000 }],
  ]);
  const consumers = plan.consumers.map((one) => {
    const stop = random.pick(stops);
    // A failed attempt at the end of --max-time counts only if it is published within the drain time.
    return { ...one, stop, ...(stop.maxTimeMs !== undefined && { drainMs: 25_000 }) };
  });
  // A handler that never ends would be stopped by --max-time each time before its time limit, and handed back.
  const isBrief = consumers.some(({ stop }) => stop.maxTimeMs !== undefined);
  const withoutHangs = (message: PlannedMessage): PlannedMessage => ({
    ...message,
    ways: message.ways.map((way) => (way === 'hangs' && isBrief ? 'throws' : way)),
  });
  // Each stop is followed by a start, which is expensive.
  const most = stops.length > 1 && random.chance(0.8) ? 5 : Number.POSITIVE_INFINITY;
  const publishers = plan.publishers.map((one) => ({
    ...one,
    messages: one.messages.slice(0, most).map(withoutHangs),
  }));
  return { ...plan, consumers, publishers };
}

function withRequests(plan: Plan, random: Random): Plan {
  if (random.chance(0.85)) return plan;
  const requesters = plan.publishers.slice(0, 1).map((one, index) => ({
    ...one,
    host: `q${index}`,
    messages: one.messages.slice(0, 10).map((message) => ({ ...message, id: `q${message.id}` })),
    replyTimeoutMs: random.pick([1000, 20_000]),
    ownQueue: random.chance(0.5),
  }));
  // A reply needs an output that contains nothing else.
  const repliers = plan.consumers.slice(0, 2).map((one, index) => ({ ...one, host: `r${index}` }));
  return { ...plan, requesters, repliers };
}

function withCommands(plan: Plan, random: Random): Plan {
  if (random.chance(0.75)) return plan;
  const allowed = commandNames.filter(() => random.chance(0.5));
  if (allowed.length === 0) return plan;
  const commands = Array.from({ length: random.pick([1, 2, 4]) }, (_, index) => ({
    host: `k${index}`,
    command: random.pick(allowed),
    at: random.pick([200, 5000, 30_000]) + random.below(5000),
  }));
  return { ...plan, commands };
}

/** Most consumers have a module, because programs cost the simulation more time. */
function withHandlers(plan: Plan, random: Random): Plan {
  const kinds = random.pick<readonly HandlerKind[]>([['module'], ['exec'], ['lines'], ['module', 'exec', 'lines']]);
  const failing = random.pick([0, 0.2, 0.7]);
  const allowed = quirks.filter(() => random.chance(0.3));
  const batches = random.chance(0.3);
  const consumers = plan.consumers.map((consumer): PlannedConsumer => {
    const handler = random.pick(kinds);
    const batch = random.pick([1, 2, 10]);
    return {
      ...consumer,
      handler,
      ...(handler !== 'module' && { quirks: allowed }),
      // mq refuses a prefetch that cannot fill the batches.
      ...(handler !== 'exec' && batches && { batch, concurrency: 1, prefetch: Math.max(batch, consumer.prefetch) }),
    };
  });
  const withWays = (message: PlannedMessage): PlannedMessage => ({
    ...message,
    // The last way repeats. A message that is requeued for ever would never leave the queue.
    ways: message.ways.map((way, index, { length }) =>
      index + 1 < length && random.chance(failing) ? random.pick(programWays) : way,
    ),
  });
  const publishers = plan.publishers.map((one) => ({ ...one, messages: one.messages.map(withWays) }));
  return { ...plan, consumers, publishers };
}

/**
 * Makes most plans small, so that more seeds run in the same time. The other plans stay large, because some errors need many
 * roles, messages or faults.
 */
function withSize(plan: Plan, random: Random): Plan {
  if (random.chance(0.4)) return plan;
  const first = <T>(all: readonly T[]) => all.slice(0, 1);
  const few = <P extends PlannedPublisher>(senders: readonly P[]): P[] =>
    first(senders).map((one) => ({ ...one, messages: one.messages.slice(0, 3) }));
  return {
    ...plan,
    publishers: few(plan.publishers),
    consumers: first(plan.consumers),
    ...(plan.requesters && { requesters: few(plan.requesters) }),
    ...(plan.repliers && { repliers: first(plan.repliers) }),
    ...(plan.commands && { commands: first(plan.commands) }),
    faults: plan.faults.slice(0, 2),
  };
}

/** Adds work queues, some of them in another virtual host. Each has a publisher and a consumer. */
function withLanes(plan: Plan, random: Random): Plan {
  if (random.chance(0.9)) return plan;
  const { vhost, queue }: Lane = random.pick([
    { vhost: 'other', queue: 'work' },
    { vhost: '/', queue: 'more' },
  ]);
  const lanes = Array.from({ length: random.pick([1, 2]) }, (_, index) => ({ vhost, queue: `${queue}${index || ''}` }));
  const all = [0, ...lanes.keys().map((index) => index + 1)];
  const [publisher, consumer] = [plan.publishers[0], plan.consumers[0]];
  if (publisher === undefined || consumer === undefined) return plan;
  const publishers = all.slice(1).map((lane) => ({
    ...publisher,
    ...{ host: `l${lane}`, lane },
    messages: publisher.messages.map((message) => ({ ...message, id: `l${lane}-${message.id}` })),
  }));
  // One consumer receives from all queues, or each queue has a consumer of its own.
  const consumers = random.chance(0.5)
    ? [{ ...consumer, lanes: all }, ...plan.consumers.slice(1)]
    : [...plan.consumers, ...all.slice(1).map((lane) => ({ ...consumer, host: `d${lane}`, lanes: [lane] }))];
  return { ...plan, lanes, publishers: [...plan.publishers, ...publishers], consumers };
}

/** Adds the replacement of the queue `work`, which is killed at any event and then made again. */
function withReplacement(plan: Plan, random: Random): Plan {
  // mq apply --replace requires a name that only one virtual host has.
  if (random.chance(0.9) || plan.lanes !== undefined) return plan;
  const replacement: PlannedReplacement = {
    at: random.pick([300, 2000, 15_000]) + random.below(3000),
    applyAfterMs: random.pick([0, 1000, 30_000]),
    // Only a quorum queue makes the pauses of retries itself.
    change: plan.native ? 'argument' : random.pick(['type', 'argument']),
    kills: Array.from({ length: random.pick([0, 1, 1, 3]) }, () => random.below(random.pick([100, 400]))),
  };
  // mq refuses to replace a queue if each answer arrives after more than 200 ms (planning.md).
  const network = { ...plan.network, maxMs: Math.min(20, plan.network.maxMs) };
  return { ...plan, network, replacement };
}

/** Makes the consumers exclusive, of which there are several. */
function withExclusive(plan: Plan, random: Random): Plan {
  const [first] = plan.consumers;
  // RabbitMQ refuses an exclusive consumer of a queue with a single active consumer.
  if (random.chance(0.9) || first === undefined || first.isSingle || plan.lanes !== undefined) return plan;
  const consumers = plan.consumers.length > 1 ? plan.consumers : [first, { ...first, host: 'c1' }];
  return { ...plan, consumers, exclusive: true };
}
