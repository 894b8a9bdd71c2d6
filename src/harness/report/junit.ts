// Results as JUnit XML, as Jenkins' schema has it (junit-10.xsd): a testsuite a file, a testcase a test. A test that
// failed has a <failure>; what failed beside the tests (a hook, the file) is a testcase with an <error>.

import { stripVTControlCharacters } from 'node:util';
import type { FileFailure, TestResult } from '../judge.ts';
import type { FileResult } from '../run.ts';
import { pathFrom } from './place.ts';
import type { Reporter, RunEvent } from './reporter.ts';
import { emptiness, otherFailures, totalsOf } from './totals.ts';

/** Everything is written at the end, an interrupted run's as well: XML is one piece. */
export const junit: Reporter = ({ cwd, now }) => {
  const suites: string[] = [];
  const results: FileResult[] = [];
  const add = (result: FileResult) => {
    results.push(result);
    suites.push(suite(result, pathFrom(cwd, result.file), now() - result.ms));
  };

  const document = ({ ms, interrupted }: RunEvent & { type: 'finish' }) => {
    const empty = interrupted === undefined ? emptiness(totalsOf(results)) : `interrupted by ${interrupted}`;
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

function suite(result: FileResult, path: string, begun: number): string {
  const { tests, failures, errors, skipped } = countsOf(result);
  const timestamp = new Date(begun).toISOString().slice(0, 19);
  const cases = result.tests.map(({ name, ms, outcome, failure, reason = '' }) => {
    const inside = failure !== undefined ? [problem('failure', failure)] : [];
    if (outcome === 'skip') inside.push(element('skipped', { message: reason }));
    return element('testcase', { classname: path, name, time: seconds(ms) }, ...inside);
  });
  const others = otherFailures(result).map((failure) =>
    element('testcase', { classname: path, name: failure.title }, problem('error', failure)),
  );
  const output = result.output === '' ? [] : [element('system-out', {}, textOf(result.output))];
  return element(
    'testsuite',
    { name: path, tests, failures, errors, skipped, time: seconds(result.ms), timestamp },
    ...[...cases, ...others, ...output],
  );
}

function problem(name: 'failure' | 'error', { message, details, stack }: FileFailure): string {
  const text = [message, ...(details === undefined ? [] : [details]), ...stack].join('\n');
  return element(name, { message: message.split('\n', 1)[0] ?? '' }, textOf(text));
}

/** `children` are XML: elements, each with its line's end, or one escaped text. */
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

/** XML 1.0, 3.3.3: a line's end in an attribute would become a space. */
function attributeOf(text: string): string {
  return escaped(text, /[&<>"\r\n\t]/g);
}

/** XML 1.0, 2.2: most control characters cannot stand anywhere, as references neither. */
function escaped(text: string, special: RegExp): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replaceAll(special, (char) => `&#${char.charCodeAt(0)};`);
}
