// Lets a publisher and a worker run for many virtual days, with a fault every ten minutes. Prints for each day what must not
// grow, and ends with 1 at the first violation. `npm run simulate -- --soak DAYS --seed S` starts it (soak-run.ts).

import './world/globals.ts';
import { writeSync } from 'node:fs';
import { faultsOf, inject } from './faults.ts';
import type { PlannedMessage } from './message.ts';
import type { Plan, PlannedFault } from './plan.ts';
import { Simulation } from './simulation.ts';
import { preload } from './world/preload.ts';

const dayMs = 86_400_000;
const faultEveryMs = 600_000;
const messageEveryMs = 10_000;
/** A message that is older than this must have its outcome and its effect. */
const settledMs = 3_600_000;
/** The worker must have handled a message in this time before the next fault. */
const recoveredMs = 120_000;

export interface Day {
  readonly day: number;
  /** Megabytes of the heap after a garbage collection. */
  readonly heapMB: number;
  /** Timers of all processes. */
  readonly timers: number;
  readonly stepsPerMessage: number;
  /** Messages that the worker handled on this day, with repetitions. */
  readonly messages: number;
  /** Faults since the start. */
  readonly faults: number;
}

class Soak {
  readonly #simulation: Simulation;
  readonly #endMs: number;
  #faults = 0;
  #lastFault: PlannedFault | undefined;

  constructor(seed: number, days: number) {
    this.#endMs = days * dayMs;
    this.#simulation = new Simulation(soakPlan(seed), undefined, (index) => this.#messageAt(index));
  }

  /** Runs all days. Throws an Error if a message is lost, or a role ends with a status that is not documented. */
  async run(onDay: (day: Day) => void): Promise<void> {
    const { world, network, errors } = this.#simulation;
    const leave = this.#simulation.enter();
    try {
      this.#simulation.start();
      this.#planFault();
      let steps = 0;
      let handled = 0;
      for (let day = 1; day * dayMs <= this.#endMs; day++) {
        await world.run(() => world.now >= day * dayMs || errors.length > 0);
        this.#prune();
        if (errors.length > 0) throw new Error(`day ${day}: ${errors.slice(0, 10).join('\n  ')}`);
        globalThis.gc?.();
        const messages = this.#handled - handled;
        onDay({
          day,
          heapMB: Math.round(process.memoryUsage().heapUsed / 1e5) / 10,
          timers: [...network.processes].reduce((sum, one) => sum + world.pendingOf(one), 0),
          stepsPerMessage: Math.round((world.steps - steps) / messages),
          messages,
          faults: this.#faults,
        });
        steps = world.steps;
        handled += messages;
      }
    } finally {
      network.dispose();
      leave();
    }
  }

  /** Number of messages that the worker has handled, with repetitions. */
  get #handled(): number {
    return this.#simulation.roles.reduce((sum, { handled }) => sum + handled, 0);
  }

  #messageAt(index: number): PlannedMessage | undefined {
    if (this.#simulation.world.now > this.#endMs) return undefined;
    return { id: `s-${index}`, ways: ['ack'], ms: 20, bytes: 100 };
  }

  #planFault(): void {
    const { world, plan } = this.#simulation;
    const { random } = world;
    world.later(faultEveryMs, () => {
      this.#checkRecovery();
      this.#prune();
      this.#faults += 1;
      const fault = random.pick(faultsOf(plan.broker));
      const holdMs = random.pick([0, 1000, 20_000, 60_000]);
      this.#lastFault = { fault, at: world.now, holdMs, target: random.below(1000), events: random.below(400) };
      inject(this.#simulation, this.#lastFault);
      this.#planFault();
    });
  }

  /** Checks that messages are handled again before the next fault. */
  #checkRecovery(): void {
    const { history, world, errors } = this.#simulation;
    const handledAt = history.effects.at(-1)?.at ?? 0;
    if (handledAt > world.now - recoveredMs) return;
    const after = this.#lastFault ? `after the fault ${JSON.stringify(this.#lastFault)}` : 'without a fault';
    errors.push(`no message was handled for ${Math.round((world.now - handledAt) / 1000)} s ${after}`);
  }

  /** Checks the messages that must be settled, and forgets them. */
  #prune(): void {
    const { history, world, errors, bodies } = this.#simulation;
    const { attempted, outcomes, cutOff, effects } = history;
    const handled = new Set(effects.map(({ body }) => body));
    for (const [body, at] of attempted) {
      if (at > world.now - settledMs) break;
      const [id] = body.split(' ');
      const outcome = outcomes.get(body);
      if (outcome === undefined && !cutOff.has(body)) errors.push(`no outcome: ${id}`);
      if (outcome === 'confirmed' && !handled.has(body)) errors.push(`lost: ${id}`);
      for (const each of [attempted, outcomes, cutOff]) each.delete(body);
    }
    effects.splice(0, effects.length, ...effects.filter(({ body }) => attempted.has(body)));
    history.runs.length = 0;
    bodies.clear();
  }
}

/** Returns a plan with one publisher and one worker, and a broker with a store. */
function soakPlan(seed: number): Plan {
  return {
    seed,
    ...{ broker: 'disk', queueType: 'quorum', attempts: 5, delays: [1000], onFail: 'retry', heartbeat: 10 },
    ...{ handlerTimeoutMs: 60_000, eventMs: 0.001, faults: [] },
    store: { segmentBytes: 1_000_000, slackBytes: 1_000_000 },
    network: { minMs: 0.05, maxMs: 1, segmentBytes: 65_536, bufferBytes: 262_144 },
    publishers: [{ host: 'p0', window: 256, messages: [], everyMs: messageEveryMs }],
    consumers: [{ host: 'c0', prefetch: 10, concurrency: 2, drainMs: 25_000 }],
  };
}

const [days = '30', seed = '1'] = process.argv.slice(2);
Error.stackTraceLimit = 0;
await preload();
try {
  await new Soak(Number(seed), Number(days)).run((day) => writeSync(1, `${JSON.stringify(day)}\n`));
} catch (error) {
  writeSync(2, `${(error as Error).message}\n  npm run simulate -- --soak ${days} --seed ${seed}\n`);
  process.exitCode = 1;
}
