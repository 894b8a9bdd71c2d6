import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../../src/context.ts';
import { consume } from '../../../src/roles/consume.ts';
import type { ConsumeSettings } from '../../../src/roles/consume-settings.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { Session } from '../../../src/session/session.ts';

type Step = 'consumer' | 'outcomes' | 'start';
const never = new Promise<never>(() => undefined);

/** A role whose start the broker holds up at one step; `reached` resolves there. */
function starting(held: Step) {
  const drain = new AbortController();
  const reached = Promise.withResolvers<void>();
  const seen = { stopped: 0, said: [] as string[] };
  const at = <T>(step: Step, value: T): Promise<T> => {
    if (step !== held) return Promise.resolve(value);
    reached.resolve();
    return never;
  };
  const consumer = Object.assign(new EventEmitter(), {
    queue: 'q',
    hasOwnQueue: false,
    start: () => at('start', undefined),
    stop: async () => {
      seen.stopped += 1;
    },
  });
  const session = {
    counts: newCounts(),
    consumer: () => at('consumer', { consumer, vhost: '/' }),
    outcomePublisher: () => at('outcomes', { publisher: {}, declared: new Set(), dead: undefined }),
  };
  const context = { stdout: new PassThrough(), drain: drain.signal, abandon: new AbortController().signal };
  const settings = {
    behaviour: 'consume',
    sources: [{ subscription: 's', queue: 'q', retry: { attempts: 1, delays: [], deadLetter: false } }],
    prefetch: 10,
    concurrency: 1,
    untilEmpty: false,
    intervalMs: undefined,
    drainMs: 25_000,
    json: false,
    handler: { prints: 'role', handle: () => never },
    canFail: true,
    warnings: [],
    say: ({ event }: { event: string }) => seen.said.push(event),
    beginDrain: () => undefined,
  };
  const role = consume(
    context as unknown as Context,
    session as unknown as Session,
    settings as unknown as ConsumeSettings,
  );
  return { role, drain, reached: reached.promise, seen };
}

for (const [step, stopped] of [
  ['consumer', 0],
  ['outcomes', 0],
  ['start', 1],
] as const) {
  test(`a signal ends a role that waits for the broker at its start (${step})`, async () => {
    const { role, drain, reached, seen } = starting(step);
    await reached;
    drain.abort('SIGTERM');
    await role;
    assert.equal(seen, { stopped, said: [] });
  });
}

test.run();
