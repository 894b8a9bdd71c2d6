// Runs many seeds in several processes, and sums up their reports.

import { type Plan, planOf } from './plan.ts';
import type { Report } from './worker.ts';
import { WorkerProcess } from './worker-process.ts';

export interface CampaignOptions {
  readonly seed: number;
  readonly schedules: number;
  readonly minutes: number;
  readonly jobs: number;
  readonly trace: boolean;
  /** Only seeds whose plan has one of these fields or faults are run. */
  readonly fieldsOrFaults: readonly string[] | undefined;
  /** The campaign stops at the first violation that matches. */
  readonly until: RegExp | undefined;
  readonly say: (line: string) => void;
}

/** Returns the number of schedules with violations. */
export async function runCampaign(options: CampaignOptions): Promise<number> {
  const campaign = new Campaign(options);
  await Promise.all(Array.from({ length: options.jobs }, () => campaign.runJob()));
  options.say(campaign.summary());
  return campaign.violations;
}

function hasAny(plan: Plan, names: readonly string[]): boolean {
  return names.some((name) => Object.hasOwn(plan, name) || plan.faults.some(({ fault }) => fault === name));
}

class Campaign {
  readonly #options: CampaignOptions;
  readonly #begun = performance.now();
  #next: number;
  #taken = 0;
  #isFound = false;
  #schedules = 0;
  #steps = 0;
  #virtualMs = 0;
  #hash = 0;
  violations = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#next = options.seed;
  }

  /** Runs seeds in a process of its own until none are left. */
  async runJob(): Promise<void> {
    let worker: WorkerProcess | undefined;
    for (let seed = this.#take(); seed !== undefined; seed = this.#take()) {
      if (!worker?.isAlive) worker = new WorkerProcess();
      this.#add(seed, await worker.run({ schedule: seed, trace: this.#options.trace }));
    }
    await worker?.end();
  }

  /** Returns the next seed, or `undefined` at the end. */
  #take(): number | undefined {
    const { schedules, minutes, fieldsOrFaults } = this.#options;
    while (!this.#isFound && this.#taken < schedules && this.#minutes < minutes) {
      const seed = this.#next++;
      if (fieldsOrFaults !== undefined && !hasAny(planOf(seed), fieldsOrFaults)) continue;
      this.#taken += 1;
      return seed;
    }
    return undefined;
  }

  #add(seed: number, { violations, hash, steps, virtualMs }: Report): void {
    this.#schedules += 1;
    this.#steps += steps;
    this.#virtualMs += virtualMs;
    // The order of the seeds must not matter, because several processes run them.
    this.#hash = (this.#hash + Math.imul(Number.parseInt(hash, 16) ^ seed, 0x01000193)) >>> 0;
    if (violations.length === 0) return;
    const { until, say } = this.#options;
    this.violations += 1;
    this.#isFound ||= until !== undefined && violations.some((violation) => until.test(violation));
    say(`seed ${seed}: ${violations.join('\n  ')}\n  npm run simulate -- --seed ${seed} --trace`);
  }

  get #minutes(): number {
    return (performance.now() - this.#begun) / 60_000;
  }

  summary(): string {
    const perMinute = Math.round(this.#schedules / this.#minutes);
    const days = (this.#virtualMs / 86_400_000).toFixed(1);
    return [
      `${this.#schedules} schedules from seed ${this.#options.seed}, ${perMinute} a minute, ${days} virtual days`,
      `${this.#steps} events, hash ${this.#hash.toString(16).padStart(8, '0')}, ${this.violations} with violations`,
    ].join('\n');
  }
}
