// Aims faults at the moments in which a wrong order of two steps loses or reorders messages. Random plans rarely hit them,
// because they need several messages under way, and faults of the right role at the right time.

import { type Random, randomOf } from '../support/random.ts';
import type { PlannedMessage, Way } from './message.ts';
import type { Plan, PlannedConsumer, PlannedFault, PlannedPublisher } from './plan.ts';

interface Pair {
  readonly publisher: PlannedPublisher;
  readonly consumer: PlannedConsumer;
}

const messageCount = 8;

export function withAims(plan: Plan, random: Random): Plan {
  if (random.chance(0.9)) return withCutHandler(plan);
  const aim = random.pick([...(plan.broker === 'disk' ? [atStore, atStore] : []), atWindow, atFailure]);
  const pair = pairOf(plan);
  return pair ? aim(plan, pair, random) : plan;
}

/** Cuts the connection of a consumer in some plans, without changing the random numbers of the other aims. */
function withCutHandler(plan: Plan): Plan {
  const random = randomOf(plan.seed ^ 0x510e527f);
  const pair = random.chance(0.97) ? undefined : pairOf(plan);
  return pair ? atHandler(plan, pair, random) : plan;
}

/** Returns the first roles of a plan without other features. */
function pairOf(plan: Plan): Pair | undefined {
  const [publisher, consumer] = [plan.publishers[0], plan.consumers[0]];
  const { lanes, replacement, exclusive, requesters, commands, stream, recording, api, isEarly } = plan;
  const isOther = [lanes, replacement, exclusive, requesters, commands, stream, recording, api, isEarly].some(Boolean);
  return publisher === undefined || consumer === undefined || isOther ? undefined : { publisher, consumer };
}

/** The consumer loses its connection while its handlers run, so that their messages are delivered to it again. */
function atHandler(plan: Plan, { publisher, consumer }: Pair, random: Random): Plan {
  const { native: _, ...rest } = plan;
  const { delayMs: __, ...sender } = publisher;
  const { stop: ___, batch: ____, quirks: _____, ...receiver } = consumer;
  const messages = messagesOf(publisher, () => ({ ways: ['ack'], ms: 3000 }));
  const faults = Array.from({ length: random.pick([1, 2]) }, () => ({
    ...{ fault: 'connections cut', at: 500 + random.below(10_000), holdMs: 0, target: 1, events: random.below(4) },
  }));
  return {
    ...rest,
    publishers: [{ ...sender, everyMs: 0, messages }],
    consumers: [{ ...receiver, handler: 'module', prefetch: 10, concurrency: random.pick([1, 10]) }],
    faults,
  };
}

/** The packets of the publisher are lost until it connects again, and the order of the messages is checked. */
function atWindow(plan: Plan, { publisher, consumer }: Pair, random: Random): Plan {
  const { delayMs: _, ...sender } = publisher;
  const { batch: __, ...receiver } = consumer;
  const messages = messagesOf(publisher, () => ({ ways: ['ack'] }));
  // Even targets are the publisher. They differ in the direction of the packets that are lost.
  const target = random.pick([2, 4, 8, 10]);
  return {
    ...plan,
    heartbeat: 1,
    publishers: [{ ...sender, window: 16, everyMs: random.pick([100, 1000]), messages }],
    consumers: [{ ...receiver, prefetch: 1, concurrency: 1 }],
    faults: [{ fault: 'black hole', at: 200 + random.below(2000), holdMs: 20_000, target, events: 0 }],
  };
}

/** The consumer is killed while it cannot send on messages that have failed. */
function atFailure(plan: Plan, { publisher, consumer }: Pair, random: Random): Plan {
  const { native: _, ...rest } = plan;
  const { delayMs: __, ...sender } = publisher;
  // Without batches, because their messages must fit into the prefetch.
  const { stop: ___, batch: ____, ...receiver } = consumer;
  const wayOf = (number: number): Way => (number % 2 === 0 ? 'retry' : 'dead-letter');
  // The first failure opens the connection that is blocked before the second one.
  const messages = messagesOf(publisher, (number) => ({ ways: [wayOf(number), 'ack'], ms: number === 0 ? 0 : 2000 }));
  return {
    ...rest,
    onFail: 'retry',
    attempts: 3,
    publishers: [{ ...sender, everyMs: 0, messages }],
    consumers: [{ ...receiver, prefetch: 10, concurrency: random.pick([1, 10]) }],
    faults: [
      {
        fault: plan.broker === 'cluster' ? 'memory alarm' : 'publishers blocked',
        ...{ at: 1500, holdMs: 20_000, target: 0, events: 0 },
      },
      { fault: 'role killed', at: 2000 + random.below(6000), holdMs: 0, target: 1, events: random.below(10) },
    ],
  };
}

/** The broker ends while it stores messages that no handler has finished. */
function atStore(plan: Plan, { publisher, consumer }: Pair, random: Random): Plan {
  const { delayMs: _, ...sender } = publisher;
  // The handler has not ended them before the broker ends.
  const messages = messagesOf(publisher, () => ({ ways: ['ack'], ms: 1000 }));
  const fault: PlannedFault = {
    fault: 'broker ended at an effect',
    ...{ at: 10, holdMs: 0, target: random.below(1000), events: random.below(100) },
  };
  return {
    ...plan,
    publishers: [{ ...sender, everyMs: random.pick([0, 1]), messages }],
    consumers: [consumer],
    faults: random.chance(0.5) ? [fault] : [fault, { ...fault, fault: 'disk slow', holdMs: 1000, target: 0 }],
  };
}

/** Returns messages whose handlers end in these ways. */
function messagesOf(
  { host }: PlannedPublisher,
  each: (number: number) => Partial<PlannedMessage> & Pick<PlannedMessage, 'ways'>,
): PlannedMessage[] {
  return Array.from({ length: messageCount }, (_, number) => ({
    ...{ id: `${host}-${number}`, ms: 0, bytes: 20 },
    ...each(number),
  }));
}
