// Runs an intake without a broker, with a handler whose outcomes the test chooses.

import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { MqError } from '../../src/errors.ts';
import type { HandlerContext, Message, Outcome } from '../../src/handlers/handler.ts';
import { Intake, type IntakeParts } from '../../src/roles/consuming/intake.ts';
import { IntakeGroup, type IntakeGroupParts } from '../../src/roles/consuming/intake-group.ts';
import { messageOf } from '../../src/roles/message.ts';
import type { Delivery } from '../../src/session/consumer.ts';
import { newCounts } from '../../src/session/counts.ts';
import { type Delivered, delivered, type Sent } from './delivery.ts';

/** Number of deliveries after which the broker drops a message. */
export const limit = 5;

interface IntakeOptions {
  readonly flushed?: Promise<void>;
  readonly cancelled?: Promise<void>;
  /** The handler. By default, the test ends each run. */
  readonly handle?: (message: Message, context: HandlerContext) => Outcome | Promise<Outcome>;
  readonly settings?: object;
  /** The other parts of the intake, such as its printer. */
  readonly parts?: object;
}

/**
 * Runs an intake with a handler whose outcomes the test chooses. `flushed` resolves when the broker has received the
 * acknowledgements, and `cancelled` when it has answered basic.cancel.
 */
export function startIntake(
  failures: object,
  {
    flushed = Promise.resolve(),
    cancelled = Promise.resolve(),
    handle,
    settings: more,
    parts: others,
  }: IntakeOptions = {},
) {
  const [drain, log, runs, events] = [new AbortController(), [] as string[], [] as Run[], new EventEmitter()];
  const context = {
    ...{ stdout: new PassThrough(), stderr: new PassThrough() },
    ...{ drain: drain.signal, abandon: new AbortController().signal },
  };
  const chosen = (message: Message) => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    runs.push({ attempt: message.attempt, end: resolve });
    events.emit('run');
    return promise;
  };
  const settings = {
    ...{ concurrency: 1, prefetch: 10, canFail: true, warnings: [], drainMs: 0 },
    ...{ say: () => undefined, beginDrain: () => undefined },
    handler: { prints: 'nothing', handle: handle ?? chosen },
    ...more,
  };
  const consumer = Object.assign(new EventEmitter(), {
    ...{ queue: 'q', start: async () => undefined },
    stop: () => {
      log.push('stop');
      return cancelled;
    },
    flush: () => {
      log.push('flush');
      return flushed;
    },
  });
  const counts = newCounts();
  const group = new IntakeGroup({ context, settings, counts } as unknown as IntakeGroupParts);
  const returns = ({ headers }: Message) => Number(headers['x-delivery-count'] ?? 0);
  const parts = {
    ...{ context, group, consumer, settings, counts },
    failures: { verdict: () => undefined, handBack: async () => void log.push('hand back'), ...failures },
    read: ({ raw, queue }: Delivery) => messageOf(raw, queue),
    isNearlyDropped: (message: Message) => returns(message) >= limit - 1,
    isLastReturn: (message: Message) => returns(message) >= limit,
    ...others,
  };
  const deliverNow = (sent: Sent, answers?: string[]): Delivered => {
    const made = delivered(sent, answers);
    consumer.emit('delivery', made.delivery);
    return made;
  };
  const ended = group.run([new Intake(parts as unknown as IntakeParts)]);
  return {
    ...{ ended, group, drain, log, runs, counts, deliverNow },
    /** Delivers a message and waits for the end of the turn. */
    deliver: async (sent: Sent, answers?: string[]): Promise<Delivered> => {
      const made = deliverNow(sent, answers);
      await turn();
      return made;
    },
    lose: (...lost: readonly Delivered[]) => {
      for (const { state } of lost) state.isLost = true;
      consumer.emit('interrupted', new MqError('UNAVAILABLE', 'the connection is lost'));
    },
    resume: () => consumer.emit('resumed'),
    accept: () => consumer.emit('accepted'),
    run: async (number: number): Promise<Run> => {
      while (runs.length < number) await once(events, 'run');
      return runs[number - 1] as Run;
    },
  };
}

/** A run of the handler. `end` ends it with an outcome. */
interface Run {
  readonly attempt: number;
  readonly end: (outcome: Outcome) => void;
}
