// Lets a publisher and a worker run for many virtual days, with a fault every ten minutes. Prints for each day what must not
// grow. `npm run simulate -- --soak DAYS --seed S` starts it.

import './world/globals.ts';
import { writeSync } from 'node:fs';
import { faultsOf, inject } from './faults.ts';
import type { PlannedMessage } from './message.ts';
import { type Plan, planOf } from './plan.ts';
import { Simulation } from './simulation.ts';
import { enter } from './world/globals.ts';
import { preload } from './world/preload.ts';

const dayMs = 86_400_000;
const faultEveryMs = 600_000;
const messageEveryMs = 10_000;
/** A message that is older than this must have its outcome and its effect. */
const settledMs = 3_600_000;

interface Day {
  readonly day: number;
  /** Megabytes of the heap after a garbage collection. */
  readonly heapMB: number;
  /** Timers of all processes. */
  readonly timers: number;
  readonly stepsPerMessage: number;
  readonly messages: number;
  readonly faults: number;
}

class Soak {
  readonly #simulation: Simulation;
  readonly #endMs: number;
  #faults = 0;
  #handled = 0;

  constructor(seed: number, days: number) {
    this.#endMs = days * dayMs;
    this.#simulation = new Simulation(soakPlan(seed), undefined, (index) => this.#messageAt(index));
  }

  /** Runs all days. Throws an Error if a message is lost or a role ends with an undocumented status. */
  async run(onDay: (day: Day) => void): Promise<void> {
    const { world, network } = this.#simulation;
    const leave = enter(world, network);
    try {
      this.#simulation.start();
      this.#planFault();
      let steps = 0;
      for (let day = 1; day * dayMs <= this.#endMs; day++) {
        await world.run(() => world.now >= day * dayMs);
        const messages = this.#prune();
        globalThis.gc?.();
        onDay({
          day,
          heapMB: Math.round(process.memoryUsage().heapUsed / 1e5) / 10,
          timers: [...network.processes].reduce((sum, one) => sum + world.pendingOf(one), 0),
          stepsPerMessage: Math.round((world.steps - steps) / messages),
          messages,
          faults: this.#faults,
        });
        steps = world.steps;
      }
    } finally {
      network.dispose();
      leave();
    }
  }

  #messageAt(index: number): PlannedMessage | undefined {
    if (this.#simulation.world.now > this.#endMs) return undefined;
    return { id: `s-${index}`, ways: ['ack'], ms: 20, bytes: 100 };
  }

  #planFault(): void {
    const { world, plan } = this.#simulation;
    const { random } = world;
    world.later(faultEveryMs, () => {
      this.#faults += 1;
      const fault = random.pick(faultsOf(plan.broker));
      const holdMs = random.pick([0, 1000, 20_000, 60_000]);
      inject(this.#simulation, { fault, at: 0, holdMs, target: random.below(1000), events: random.below(400) });
      this.#planFault();
    });
  }

  /** Checks the messages that must be settled, and forgets them. Returns the number of messages since the last call. */
  #prune(): number {
    const { history, world, errors } = this.#simulation;
    const handled = new Set(history.effects.map(({ body }) => body));
    this.#handled += handled.size;
    const count = handled.size;
    for (const [body, at] of history.attempted) {
      if (at > world.now - settledMs) continue;
      const outcome = history.outcomes.get(body);
      if (outcome === undefined && !history.cutOff.has(body)) errors.push(`no outcome: ${body}`);
      if (outcome === 'confirmed' && !handled.has(body)) errors.push(`lost: ${body}`);
      for (const each of [history.attempted, history.outcomes, history.cutOff]) each.delete(body);
    }
    history.effects.splice(
      0,
      history.effects.length,
      ...history.effects.filter(({ body }) => history.attempted.has(body)),
    );
    history.runs.length = 0;
    if (errors.length > 0) throw new Error(errors.join('\n'));
    return count;
  }
}

/** Returns a plan with one publisher and one worker, and a broker with a store. */
function soakPlan(seed: number): Plan {
  const network = { minMs: 0.05, maxMs: 1, segmentBytes: 65_536, bufferBytes: 262_144 };
  return {
    ...planOf(seed),
    ...{ broker: 'disk', queueType: 'quorum', attempts: 5, delays: [1000], onFail: 'retry', heartbeat: 10 },
    ...{ handlerTimeoutMs: 60_000, network, eventMs: 0.001, faults: [] },
    store: { segmentBytes: 1_000_000, slackBytes: 1_000_000 },
    publishers: [{ host: 'p0', window: 256, messages: [], everyMs: messageEveryMs }],
    consumers: [{ host: 'c0', prefetch: 10, concurrency: 2, drainMs: 25_000 }],
  };
}

const [days = '30', seed = '1'] = process.argv.slice(2);
Error.stackTraceLimit = 0;
await preload();
await new Soak(Number(seed), Number(days)).run((day) => writeSync(1, `${JSON.stringify(day)}\n`));
