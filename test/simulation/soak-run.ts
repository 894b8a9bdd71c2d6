// Runs a soak in a process of its own, and judges whether anything has grown over its days.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Day } from './soak.ts';

/**
 * Most growth of the mean of the last third of the days over that of the first third, as a share. Between single days of the
 * same soak, the heap differed by 9 %, the timers by 7 % and the steps per message by 2 %.
 */
const allowed = { heapMB: 0.15, timers: 0.3, stepsPerMessage: 0.05 } as const;

/** Prints a line for each day and each violation, and returns the number of violations. */
export async function runSoak(
  { days, seed }: { days: number; seed: number },
  say: (line: string) => void,
): Promise<number> {
  const file = join(import.meta.dirname, 'soak.ts');
  const child = spawn(process.execPath, ['--expose-gc', file, String(days), String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject).once('close', (status, signal) => resolve(status ?? signal));
  });
  const seen: Day[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    say(line);
    seen.push(JSON.parse(line) as Day);
  }
  const end = await ended;
  const violations = end === 0 ? growthOf(seen) : [`the soak ended with ${end} after ${seen.length} days`];
  for (const violation of violations) say(violation);
  return violations.length;
}

/** Returns a line for each value that has grown. Less than three days show no growth. */
export function growthOf(days: readonly Day[]): string[] {
  const third = Math.floor(days.length / 3);
  if (third === 0) return [];
  return (['heapMB', 'timers', 'stepsPerMessage'] as const).flatMap((name) => {
    const first = mean(days.slice(0, third).map((day) => day[name]));
    const last = mean(days.slice(-third).map((day) => day[name]));
    const isMore = last > first * (1 + allowed[name]);
    return isMore ? [`${name} grew from ${first.toFixed(1)} to ${last.toFixed(1)}`] : [];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
