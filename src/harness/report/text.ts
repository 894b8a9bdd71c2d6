// Writes results as text: a line for each file, the failures, and a closing line.

import { sep } from 'node:path';
import { styleText } from 'node:util';
import type { FileResult } from '../file-run.ts';
import type { Skipped } from '../test-file/event.ts';
import type { FileFailure } from '../verdict.ts';
import { pathFrom } from './place.ts';
import type { ReportContext, Reporter } from './reporter.ts';
import { closingLine, emptiness, type Totals, totalsOf } from './totals.ts';

/** The text reporter. It omits files in which the filter excluded every test. */
export const text: Reporter = (context) => {
  const results: FileResult[] = [];
  const paint = painter(context);
  let seed: number | undefined;
  return (event) => {
    switch (event.type) {
      case 'start':
        seed = event.seed;
        return '';
      case 'file':
        results.push(event.result);
        return event.result.tests.length + event.result.failures.length > 0
          ? `${drawFile(event.result, context)}\n`
          : '';
      case 'note':
        return `${event.text}\n`;
      case 'finish': {
        const totals = totalsOf(results);
        const { interrupted, shard } = event;
        // With the seed, the user can run the files in the same order again.
        const order =
          totals.failed > 0 && results.length > 1 && seed !== undefined ? `\norder of files: --seed ${seed}\n` : '';
        const ended = interrupted === undefined ? '' : `\ninterrupted by ${interrupted}\n`;
        const empty = emptiness(totals, shard);
        const nothing = interrupted === undefined && empty !== undefined ? `\n${empty}\n` : '';
        const isBad = totals.failed > 0 || interrupted !== undefined || empty !== undefined;
        return `${order}${ended}${nothing}\n${paint(isBad ? 'red' : 'green', closingLine(totals))}\n`;
      }
    }
  };
};

type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';
type Paint = (colour: Colour, text: string) => string;

function painter({ isColoured }: Pick<ReportContext, 'isColoured'>): Paint {
  return (colour, text) => (isColoured ? styleText(colour, text, { validateStream: false }) : text);
}

const marks = { FAIL: 'red', 'ok  ': 'green', skip: 'yellow' } as const;

/** Formats a file: a line with counts and time, a line for each skipped test, then the failures. */
function drawFile(result: FileResult, context: ReportContext): string {
  const { cwd, isVerbose } = context;
  const { file, passed, failures, skipped, ms, output } = result;
  const paint = painter(context);
  const mark = failures.length > 0 ? 'FAIL' : passed > 0 ? 'ok  ' : 'skip';
  const counts = countsOf({ passed, failed: failures.length, skipped: skipped.length });
  const rest = paint('dim', `(${counts}, ${Math.round(ms)} ms)`);
  const lines = [`${paint(marks[mark], mark)} ${pathFrom(cwd, file)} ${rest}`];
  if (isVerbose) lines.push(...drawTests(result, paint));
  lines.push(...drawSkipped(skipped));
  for (const failure of failures) lines.push(...drawFailure(failure, cwd, paint));
  if (failures.length > 0 && output !== '') lines.push('', '  output:', ...indented(output, '    '));
  if (failures.length > 0) lines.push('');
  return lines.join('\n');
}

/** Formats the tests that ran, in order, with their times (--verbose). */
function drawTests({ tests }: FileResult, paint: Paint): string[] {
  return tests
    .filter(({ outcome }) => outcome !== 'skip')
    .map(({ name, outcome, ms }) => {
      const mark = outcome === 'pass' ? 'ok  ' : 'FAIL';
      return `  ${paint(marks[mark], mark)} ${name} ${paint('dim', `(${Math.round(ms)} ms)`)}`;
    });
}

/**
 * Formats skipped tests. Many tests with the same reason share one line, because a test with .only skips all others.
 */
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

function drawFailure({ title, message, details, stack, roles }: FileFailure, cwd: string, paint: Paint): string[] {
  const lines = ['', `  ${paint('bold', title)}`, ...indented(message, '    ').map((line) => paint('red', line))];
  if (details !== undefined) lines.push(...indented(details, '      ').map((line) => drawDifference(line, paint)));
  for (const frame of stack) {
    lines.push(paint('dim', `      ${frame.replace(cwd + sep, '').replace(`${cwd}/`, '')}`));
  }
  if (roles !== undefined) lines.push('    stderr of its roles:', ...indented(roles, '      '));
  return lines;
}

function drawDifference(line: string, paint: Paint): string {
  if (/^ *\+\+/.test(line)) return paint('green', line);
  return /^ *--/.test(line) ? paint('red', line) : line;
}

function indented(text: string, by: string): string[] {
  return text.split('\n').map((line) => by + line);
}
