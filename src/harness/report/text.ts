// Results as text: a line a file, what failed and why, and the one closing line.

import { sep } from 'node:path';
import type { Skipped } from '../event.ts';
import type { FileFailure } from '../judge.ts';
import type { FileResult } from '../run.ts';
import { pathFrom } from './place.ts';
import type { Reporter } from './reporter.ts';
import { closingLine, emptiness, type Totals, totalsOf } from './totals.ts';

/** The report for people. A file in which nothing ran (the filter left nothing) is not worth a line. */
export const text: Reporter = ({ cwd }) => {
  const results: FileResult[] = [];
  let seed: number | undefined;
  return (event) => {
    switch (event.type) {
      case 'start':
        seed = event.seed;
        return '';
      case 'file':
        results.push(event.result);
        return event.result.tests.length + event.result.failures.length > 0 ? `${drawFile(event.result, cwd)}\n` : '';
      case 'note':
        return `${event.text}\n`;
      case 'finish': {
        const totals = totalsOf(results);
        // To run them in this order again.
        const order =
          totals.failed > 0 && results.length > 1 && seed !== undefined ? `\norder of files: --seed ${seed}\n` : '';
        const interrupted = event.interrupted === undefined ? '' : `\ninterrupted by ${event.interrupted}\n`;
        const empty = emptiness(totals);
        const nothing = interrupted === '' && empty !== undefined ? `\n${empty}\n` : '';
        return `${order}${interrupted}${nothing}\n${closingLine(totals)}\n`;
      }
    }
  };
};

/** One file: a line with counts and time, a line for each skipped test, then the failures in full. */
function drawFile(result: FileResult, cwd: string): string {
  const { file, passed, failures, skipped, ms, output } = result;
  const mark = failures.length > 0 ? 'FAIL' : passed > 0 ? 'ok  ' : 'skip';
  const counts = countsOf({ passed, failed: failures.length, skipped: skipped.length });
  const lines = [`${mark} ${pathFrom(cwd, file)} (${counts}, ${Math.round(ms)} ms)`];
  lines.push(...drawSkipped(skipped));
  for (const failure of failures) lines.push(...drawFailure(failure, cwd));
  if (failures.length > 0 && output !== '') lines.push('', '  output:', ...indented(output, '    '));
  if (failures.length > 0) lines.push('');
  return lines.join('\n');
}

/** Many for one reason are one line: a test with .only leaves out all others. */
function drawSkipped(skipped: readonly Skipped[]): string[] {
  const byReason = Map.groupBy(skipped, ({ reason }) => reason);
  return [...byReason].flatMap(([reason, tests]) =>
    tests.length > mostSkipped
      ? [`       skipped ${tests.length} tests: ${reason}`]
      : tests.map(({ test }) => `       skipped "${test}": ${reason}`),
  );
}

const mostSkipped = 5;

function countsOf({ passed, failed, skipped }: Totals): string {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(', ');
}

function drawFailure({ title, message, details, stack }: FileFailure, cwd: string): string[] {
  const lines = ['', `  ${title}`, ...indented(message, '    ')];
  if (details !== undefined) lines.push(...indented(details, '      '));
  for (const frame of stack) lines.push(`      ${frame.replace(cwd + sep, '').replace(`${cwd}/`, '')}`);
  return lines;
}

function indented(text: string, by: string): string[] {
  return text.split('\n').map((line) => by + line);
}
