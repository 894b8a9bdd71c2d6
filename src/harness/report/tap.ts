// Writes results as TAP 13: a test point for each test, and one for each other failure. Version 13 is used because most
// readers support it: Perl's TAP::Harness does not support version 14, and readers of version 14 accept version 13.
// https://testanything.org/tap-version-13-specification.html

import { stripVTControlCharacters } from 'node:util';
import type { FileResult } from '../file-run.ts';
import type { TestResult } from '../verdict.ts';
import { pathFrom } from './place.ts';
import type { Reporter, RunEvent } from './reporter.ts';
import { emptiness, otherFailures, totalsOf } from './totals.ts';

/** The TAP reporter. The plan is at the end, because the number of tests is known only then. */
export const tap: Reporter = ({ cwd }) => {
  const document = new TapDocument(cwd);
  return (event) => document.write(event);
};

class TapDocument {
  readonly #cwd: string;
  readonly #results: FileResult[] = [];
  #points = 0;

  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  write(event: RunEvent): string {
    switch (event.type) {
      case 'start':
        return `TAP version 13\n${comment(`target: ${event.target}`)}`;
      case 'file':
        this.#results.push(event.result);
        return this.#file(event.result);
      case 'note':
        return comment(event.text);
      case 'finish':
        return event.interrupted === undefined
          ? this.#end(event.shard)
          : `Bail out! interrupted by ${event.interrupted}\n`;
    }
  }

  #file(result: FileResult): string {
    const path = pathFrom(this.#cwd, result.file);
    const tests = result.tests.map((test) => this.#test(path, test));
    const others = otherFailures(result).map(
      (failure) => this.#point('not ok', `${path}: ${failure.title}`) + diagnostic({ ms: 0, failure }),
    );
    const hasOutput = result.failures.length > 0 && result.output !== '';
    const output = hasOutput ? comment(`output of ${path}:\n${stripVTControlCharacters(result.output)}`) : '';
    return [...tests, ...others, output].join('');
  }

  #test(path: string, test: TestResult): string {
    const title = `${path}: ${test.name}`;
    if (test.outcome === 'skip') return this.#point('ok', title, ` # SKIP ${escaped(test.reason ?? '')}`);
    return this.#point(test.outcome === 'pass' ? 'ok' : 'not ok', title) + diagnostic(test);
  }

  /** TAP readers treat an empty plan, or a plan with only skipped tests, as success. For mq it is a failure. */
  #end(shard: string | undefined): string {
    const empty = emptiness(totalsOf(this.#results), shard);
    const last = empty === undefined ? '' : this.#point('not ok', empty);
    return `${last}1..${this.#points}\n`;
  }

  #point(outcome: 'ok' | 'not ok', title: string, directive = ''): string {
    this.#points++;
    return `${outcome} ${this.#points} - ${escaped(title)}${directive}\n`;
  }
}

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

/** Escapes a description, because it must be a single line, and `#` starts a directive. */
function escaped(text: string): string {
  return text.replaceAll(/[\\#]/g, '\\$&').replaceAll(/\s+/g, (space) => (/[\r\n]/.test(space) ? ' ' : space));
}

function comment(text: string): string {
  return text
    .replaceAll(/^/gm, '# ')
    .replaceAll(/(?<! ) +$/gm, '')
    .concat('\n');
}
