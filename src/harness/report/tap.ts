// Writes results as TAP 13: a test point for each test, and one for each other failure. It uses version 13 because most
// readers support it (Perl's TAP::Harness does not support 14), and readers of version 14 accept it.
// https://testanything.org/tap-version-13-specification.html

import { stripVTControlCharacters } from 'node:util';
import type { TestResult } from '../judge.ts';
import type { FileResult } from '../run.ts';
import { pathFrom } from './place.ts';
import type { Reporter, RunEvent } from './reporter.ts';
import { emptiness, otherFailures, totalsOf } from './totals.ts';

/** The TAP reporter. The plan is at the end, because the number of tests is known only then. */
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
        // TAP readers treat an empty plan, or a plan with only skipped tests, as success. For mq it is a failure.
        const empty = emptiness(totalsOf(results), event.shard);
        const last = empty === undefined ? '' : point('not ok', empty);
        return `${last}1..${points}\n`;
      }
    }
  };
};

/**
 * Returns a YAML block. Strings are in double quotes (JSON is valid YAML) or, if they have several lines, literal
 * blocks. Perl's reader does not support `|-`, and it ends the block at a line without indentation, even an empty one.
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
  // A literal block has no escapes, and leading spaces of its first line would count as indentation.
  if (lines.length === 1 || lines.some((line) => !printable.test(line)) || /^\s/.test(text)) {
    return [`${name}: ${JSON.stringify(text)}`];
  }
  return [`${name}: |`, ...lines.map((line) => `  ${line}`)];
}

/** Escapes a description. It is a single line, and `#` starts a directive. */
function escaped(text: string): string {
  return text.replaceAll(/[\\#]/g, '\\$&').replaceAll(/\s+/g, (space) => (/[\r\n]/.test(space) ? ' ' : space));
}

function comment(text: string): string {
  return text
    .replaceAll(/^/gm, '# ')
    .replaceAll(/(?<! ) +$/gm, '')
    .concat('\n');
}
