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
  /** Seconds between two progress lines. */
  readonly progressSeconds: number;
  /** Aborts with the name of a signal as its reason. Schedules that have not ended then do not count. */
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
  /** Receives the progress lines. */
  readonly note: (line: string) => void;
}

/** Returns the number of schedules with violations. */
export async function runCampaign(options: CampaignOptions): Promise<number> {
  const campaign = new Campaign(options);
  const progress = setInterval(() => options.note(campaign.progress()), options.progressSeconds * 1000);
  await Promise.all(Array.from({ length: options.jobs }, () => campaign.runJob()));
  clearInterval(progress);
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
  /** Seeds whose schedules have not ended. */
  readonly #running = new Set<number>();
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
    const { stop, trace } = this.#options;
    let worker: WorkerProcess | undefined;
    const kill = () => worker?.kill();
    stop.addEventListener('abort', kill);
    for (let seed = this.#take(); seed !== undefined; seed = this.#take()) {
      if (!worker?.isAlive) worker = new WorkerProcess();
      const report = await worker.run({ schedule: seed, trace });
      if (stop.aborted) break;
      this.#running.delete(seed);
      this.#add(seed, report);
    }
    stop.removeEventListener('abort', kill);
    await worker?.end();
  }

  /** Returns the next seed, or `undefined` at the end. */
  #take(): number | undefined {
    const { schedules, minutes, fieldsOrFaults, stop } = this.#options;
    while (!stop.aborted && !this.#isFound && this.#taken < schedules && this.#minutes < minutes) {
      const seed = this.#next++;
      if (fieldsOrFaults !== undefined && !hasAny(planOf(seed), fieldsOrFaults)) continue;
      this.#taken += 1;
      this.#running.add(seed);
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

  get #perMinute(): number {
    return Math.round(this.#schedules / this.#minutes);
  }

  progress(): string {
    return `${this.#schedules} schedules before seed ${this.#next}, ${this.#perMinute} a minute, ${this.violations} with violations`;
  }

  summary(): string {
    const { seed, stop } = this.#options;
    const days = (this.#virtualMs / 86_400_000).toFixed(1);
    return [
      ...(stop.aborted ? [`stopped by ${stop.reason} before the end of ${[...this.#running].join(', ')}`] : []),
      `${this.#schedules} schedules from seed ${seed}, ${this.#perMinute} a minute, ${days} virtual days`,
      `${this.#steps} events, hash ${this.#hash.toString(16).padStart(8, '0')}, ${this.violations} with violations`,
    ].join('\n');
  }
}
