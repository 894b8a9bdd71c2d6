// Checks that the time of every regular expression of src grows linearly with its text, because another program may write the text.

import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createContext, Script } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nodesOf } from '../support/source.ts';

const fillers = [...' \t\n"\'`([{<a1-./\\=:,%$#*', ...[' \n', '\r\n', 'a ', '\u001b[', ':1']];
const parts = fillers.flatMap((filler) => ['', 'x'].map((start) => [start, filler, '\u0001'] as const));
type Parts = (typeof parts)[number];
const textOf = ([start, filler, end]: Parts, length: number) => start + filler.repeat(length / filler.length) + end;
const short = 10_000;
const shortTexts = parts.map((one) => textOf(one, short));

/** Quadratic time needs 70 ms for 10,000 characters, so a much shorter time is linear, and a much longer one is not. */
const suspiciousMs = 5;
const slowMs = 500;

const context = createContext({ suspiciousMs, processorTime }) as {
  pattern: RegExp;
  texts: readonly string[];
  costs: number[];
  begun: number;
};
const script = new Script(`for (const text of texts) {
  begun = processorTime();
  text.replace(pattern, '');
  const cost = processorTime() - begun;
  costs.push(cost);
  if (cost > suspiciousMs) break;
}`);

/** Returns the processor time of this thread in milliseconds. */
function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Returns the processor time of each text in milliseconds, until one is suspicious. It is Infinity for a text that was not
 * finished in `slowMs`. All texts are in one run of the script, because Node starts a thread for each time limit.
 */
function costsOf(pattern: RegExp, texts: readonly string[], timeout = 2 * slowMs): number[] {
  const costs: number[] = [];
  Object.assign(context, { pattern, texts, costs, begun: 0 });
  try {
    script.runInContext(context, { timeout });
  } catch {
    // The time limit is not processor time, and other processes may have used the processor.
    if (processorTime() - context.begun < slowMs) return costsOf(pattern, texts, 2 * timeout);
    costs.push(Infinity);
  }
  return costs;
}

/** Returns a text that makes a pattern slow: a text of four times the length needs more than eight times the time. */
function slowText(pattern: RegExp): string | undefined {
  for (let next = 0; next < parts.length; ) {
    const costs = costsOf(pattern, shortTexts.slice(next));
    next += costs.length;
    const one = parts[next - 1] as Parts;
    const costOf = (length: number) => costsOf(pattern, [textOf(one, length)])[0] ?? Infinity;
    const isSlow = (ms: number) => ms === Infinity || (ms > suspiciousMs && costOf(4 * short) > 8 * ms);
    // The time is measured twice, because a garbage collection may run during one measurement.
    if (isSlow(costs.at(-1) ?? Infinity) && isSlow(costOf(short))) return JSON.stringify(one.join(''));
  }
  return undefined;
}

test('every regular expression of src needs linear time', () => {
  const folder = resolve(import.meta.dirname, '../../src');
  const seen = new Map<string, string>();
  for (const file of globSync('**/*.{ts,js}', { cwd: folder })) {
    for (const { node } of nodesOf(file, readFileSync(resolve(folder, file), 'utf8'))) {
      if (node['regex'] !== undefined) seen.set(node['raw'] as string, file);
    }
  }
  assert.ok(seen.size > 100, `only ${seen.size} expressions were found`);
  const slow = [...seen].flatMap(([text, file]) => {
    const end = text.lastIndexOf('/');
    const filler = slowText(new RegExp(text.slice(1, end), text.slice(end + 1)));
    return filler === undefined ? [] : `${file}: ${text} with ${filler}`;
  });
  assert.equal(slow, []);
});

test('the check finds expressions that are not linear', () => {
  for (const pattern of [/\s*\n\s*/g, /=+$/, /^(a+)+$/]) assert.ok(slowText(pattern), String(pattern));
});

test.run();
