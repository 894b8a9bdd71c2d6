// Checks that the time of every regular expression of src grows linearly with its text, because another program may write the text.

import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createContext, Script } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nodesOf } from '../support/source.ts';

const fillers = [...' \t\n"\'`([{<a1-./\\=:,%$#*', ...[' \n', '\r\n', 'a ', '\u001b[', ':1']];
const context = createContext({ pattern: /./, text: '' }) as { pattern: RegExp; text: string };
const script = new Script("text.replace(pattern, '')");

/** Returns the processor time in milliseconds for texts of this length, or Infinity after ten seconds. */
function cost(pattern: RegExp, [start, filler, end]: readonly [string, string, string], length: number): number {
  context.pattern = pattern;
  context.text = start + filler.repeat(length / filler.length) + end;
  const before = process.threadCpuUsage();
  try {
    script.runInContext(context, { timeout: 10_000 });
  } catch {
    return Infinity;
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** Returns a text that makes a pattern slow: a text of four times the length needs more than eight times the time. */
function slowText(pattern: RegExp): string | undefined {
  for (const filler of fillers) {
    for (const start of ['', 'x']) {
      const parts = [start, filler, '\u0001'] as const;
      const isSlow = () => {
        const short = cost(pattern, parts, 10_000);
        // Quadratic time needs 70 ms for 10,000 characters, so a much shorter time is linear.
        return short === Infinity || (short > 5 && cost(pattern, parts, 40_000) > 8 * short);
      };
      // The time is measured twice, because a garbage collection may run during one measurement.
      if (isSlow() && isSlow()) return JSON.stringify(parts.join(''));
    }
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
