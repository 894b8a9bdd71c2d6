// Writes results as JUnit XML according to Jenkins' schema (junit-10.xsd): a testsuite for each file and a testcase for
// each test. A failed test has a <failure>. Any other failure (of a hook or the file) is a testcase with an <error>.
// The schema does not contain `file` and `line` of a testcase. GitLab, CircleCI and others use them for links, and
// Jenkins ignores them.

import { stripVTControlCharacters } from 'node:util';
import type { FileResult } from '../file-run.ts';
import type { FileFailure, TestResult } from '../verdict.ts';
import { pathFrom, placeOf } from './place.ts';
import type { ReportContext, Reporter, RunEvent } from './reporter.ts';
import { emptiness, otherFailures, totalsOf } from './totals.ts';

/**
 * The JUnit reporter. It writes everything at the end, even for an interrupted run, because XML is a single document.
 */
export const junit: Reporter = ({ cwd, now, read }) => {
  const suites: string[] = [];
  const results: FileResult[] = [];
  const add = (result: FileResult) => {
    results.push(result);
    suites.push(suite(result, { cwd, read, begun: now() - result.ms }));
  };

  const document = ({ ms, interrupted, shard }: RunEvent & { type: 'finish' }) => {
    const empty = interrupted === undefined ? emptiness(totalsOf(results), shard) : `interrupted by ${interrupted}`;
    if (empty !== undefined) {
      const counts = { tests: 1, failures: 0, errors: 1 };
      const error = element('error', { message: empty });
      suites.push(
        element(
          'testsuite',
          { name: 'mq test', ...counts },
          element('testcase', { classname: 'mq test', name: 'the run' }, error),
        ),
      );
    }
    const all = results.map(countsOf);
    const sum = (count: (counts: Counts) => number) => all.reduce((total, counts) => total + count(counts), 0);
    const more = empty === undefined ? 0 : 1;
    const attributes = {
      name: 'mq test',
      tests: sum(({ tests }) => tests) + more,
      failures: sum(({ failures }) => failures),
      errors: sum(({ errors }) => errors) + more,
      time: seconds(ms),
    };
    return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', attributes, ...suites)}`;
  };

  return (event) => {
    if (event.type === 'file') add(event.result);
    return event.type === 'finish' ? document(event) : '';
  };
};

interface Counts {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
}

function countsOf(result: FileResult): Counts {
  const count = (outcome: TestResult['outcome']) => result.tests.filter((test) => test.outcome === outcome).length;
  const errors = otherFailures(result).length;
  return { tests: result.tests.length + errors, failures: count('fail'), errors, skipped: count('skip') };
}

interface SuitePlace extends Pick<ReportContext, 'cwd' | 'read'> {
  /** Start of the file in milliseconds since 1970. */
  readonly begun: number;
}

function suite(result: FileResult, { cwd, read, begun }: SuitePlace): string {
  const path = pathFrom(cwd, result.file);
  const placed = (failure: FileFailure | undefined, line: number | undefined) => {
    const place = failure && placeOf(failure, result, read);
    const at = place ?? { file: result.file, line };
    return { file: pathFrom(cwd, at.file), ...(at.line !== undefined && { line: at.line }) };
  };
  const { tests, failures, errors, skipped } = countsOf(result);
  const timestamp = new Date(begun).toISOString().slice(0, 19);
  const cases = result.tests.map(({ name, ms, outcome, failure, line, reason = '' }) => {
    const inside = failure !== undefined ? problem('failure', failure) : [];
    if (outcome === 'skip') inside.push(element('skipped', { message: reason }));
    const at = placed(line === undefined ? failure : undefined, line);
    return element('testcase', { classname: path, name, time: seconds(ms), ...at }, ...inside);
  });
  const others = otherFailures(result).map((failure) => {
    const attributes = { classname: path, name: failure.title, ...placed(failure, undefined) };
    return element('testcase', attributes, ...problem('error', failure));
  });
  const output = result.output === '' ? [] : [element('system-out', {}, textOf(result.output))];
  return element(
    'testsuite',
    { name: path, tests, failures, errors, skipped, time: seconds(result.ms), timestamp },
    ...[...cases, ...others, ...output],
  );
}

/** Returns the element of a problem, followed by the output of the test's roles. */
function problem(name: 'failure' | 'error', { message, details, stack, roles }: FileFailure): string[] {
  const text = [message, ...(details === undefined ? [] : [details]), ...stack].join('\n');
  return [
    element(name, { message: message.split('\n', 1)[0] ?? '' }, textOf(text)),
    ...(roles === undefined ? [] : [element('system-out', {}, textOf(roles))]),
  ];
}

/** Returns an element. `children` are XML: elements that end with a newline, or one escaped text. */
function element(name: string, attributes: Record<string, string | number>, ...children: string[]): string {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${attributeOf(String(value))}"`);
  const tag = name + given.join('');
  if (children.length === 0) return `<${tag}/>\n`;
  const before = children[0]?.startsWith('<') ? '\n' : '';
  return `<${tag}>${before}${children.join('')}</${name}>\n`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function textOf(text: string): string {
  return escaped(stripVTControlCharacters(text), /[&<>\r]/g);
}

/** Escapes an attribute. XML 1.0, 3.3.3: a line end in an attribute would become a space. */
function attributeOf(text: string): string {
  return escaped(text, /[&<>"\r\n\t]/g);
}

/** Escapes text. XML 1.0, 2.2: most control characters are not allowed, not even as references. */
function escaped(text: string, special: RegExp): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replaceAll(special, (char) => `&#${char.charCodeAt(0)};`);
}
