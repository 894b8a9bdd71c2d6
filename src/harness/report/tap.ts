// Results as TAP 13: a test point a test, and one for each failure that is no test's. Version 13 because its readers are
// everywhere (Perl's TAP::Harness knows no 14) and 14's read it too. https://testanything.org/tap-version-13-specification.html

import { stripVTControlCharacters } from 'node:util';
import type { TestResult } from '../judge.ts';
import type { FileResult } from '../run.ts';
import { pathFrom } from './place.ts';
import type { Reporter, RunEvent } from './reporter.ts';
import { emptiness, otherFailures, totalsOf } from './totals.ts';

/** The plan stands at the end: how many tests there are is known only then. */
export const tap: Reporter = ({ cwd }) => {
  let points = 0;
  const results: FileResult[] = [];
  const point = (outcome: 'ok' | 'not ok', title: string, directive = '') =>
    `${outcome} ${++points} - ${escaped(title)}${directive}\n`;

  const file = (result: FileResult) => {
    const path = pathFrom(cwd, result.file);
    const tests = result.tests.map((test) => {
      const title = `${path}: ${test.name}`;
      if (test.outcome === 'skip') return point('ok', title, ` # SKIP ${escaped(test.reason ?? '')}`);
      return point(test.outcome === 'pass' ? 'ok' : 'not ok', title) + diagnostic(test);
    });
    const others = otherFailures(result).map(
      (failure) => point('not ok', `${path}: ${failure.title}`) + diagnostic({ ms: 0, failure }),
    );
    const output =
      result.failures.length > 0 && result.output !== ''
        ? comment(`output of ${path}:\n${stripVTControlCharacters(result.output)}`)
        : '';
    return [...tests, ...others, output].join('');
  };

  return (event: RunEvent) => {
    switch (event.type) {
      case 'start':
        return `TAP version 13\n${comment(`target: ${event.target}`)}`;
      case 'file':
        results.push(event.result);
        return file(event.result);
      case 'note':
        return comment(event.text);
      case 'finish': {
        if (event.interrupted !== undefined) return `Bail out! interrupted by ${event.interrupted}\n`;
        // A plan of none, or of skipped ones alone, is a success for who reads TAP; the run is none.
        const empty = emptiness(totalsOf(results), event.shard);
        const last = empty === undefined ? '' : point('not ok', empty);
        return `${last}1..${points}\n`;
      }
    }
  };
};

/**
 * A YAML block: strings in double quotes (JSON is YAML) or, over several lines, as a literal block. Perl's reader knows
 * no `|-`, and takes a line without indentation, an empty one too, for the block's end.
 */
function diagnostic({ ms, failure }: Pick<TestResult, 'ms' | 'failure'>): string {
  const lines = [`duration_ms: ${Number(ms.toFixed(3))}`];
  if (failure !== undefined) {
    lines.push(...field('message', failure.message), 'severity: fail');
    if (failure.details !== undefined) lines.push(...field('details', failure.details));
    if (failure.stack.length > 0) lines.push(...field('stack', failure.stack.join('\n')));
    if (failure.roles !== undefined) lines.push(...field('roles', failure.roles));
  }
  return ['---', ...lines, '...'].map((line) => `  ${line}\n`).join('');
}

function field(name: string, text: string): string[] {
  const printable = /^[^\p{Cc}\p{Cs}]*$/u;
  const lines = text.split('\n');
  // A literal block has no escapes, and would take a first line's spaces for its indentation.
  if (lines.length === 1 || lines.some((line) => !printable.test(line)) || /^\s/.test(text)) {
    return [`${name}: ${JSON.stringify(text)}`];
  }
  return [`${name}: |`, ...lines.map((line) => `  ${line}`)];
}

/** A description is one line, and `#` begins a directive. */
function escaped(text: string): string {
  return text.replaceAll(/[\\#]/g, '\\$&').replaceAll(/\s+/g, (space) => (/[\r\n]/.test(space) ? ' ' : space));
}

function comment(text: string): string {
  return text
    .replaceAll(/^/gm, '# ')
    .replaceAll(/(?<! ) +$/gm, '')
    .concat('\n');
}
