// Merges the JSON reports of the parts of a sharded run into the events of one run.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { MqError, systemReason } from '../errors.ts';
import type { FileResult } from './file-run.ts';
import type { JsonFailure, JsonLine } from './report/json.ts';
import type { RunEvent } from './report/reporter.ts';
import type { FileFailure, TestResult } from './verdict.ts';

/**
 * Reads the reports. A missing, interrupted or incomplete part is a failure of the merged run.
 * @throws {MqError} NO_INPUT for a file that cannot be read, BAD_DATA for a file that is not a JSON report, or a part
 * that is given twice
 */
export function mergeReports(files: readonly string[], cwd: string): RunEvent[] {
  const parts = files.map((file) => partOf(file, cwd));
  const failures = [...parts.flatMap(({ failures }) => failures), ...missingShards(parts)];
  const more = failures.length === 0 ? [] : [fileEvent('the parts of the run', failures)];
  const ms = Math.max(0, ...parts.map((part) => part.ms));
  const results = parts.flatMap(({ results }) => results);
  // Each part begins with the same note about its chaos.
  const notes = new Set(parts.flatMap((part) => part.notes));
  const target = [...new Set(parts.map((part) => part.target))].join(', ');
  return [
    { type: 'start', files: results.length, target },
    ...Array.from(notes, (text): RunEvent => ({ type: 'note', text })),
    ...results,
    ...more,
    { type: 'finish', ms },
  ];
}

interface Part {
  /** Path as the user wrote it. */
  readonly file: string;
  readonly target: string;
  readonly shard: string | undefined;
  readonly notes: readonly string[];
  readonly results: readonly RunEvent[];
  readonly failures: readonly FileFailure[];
  readonly ms: number;
}

function partOf(file: string, cwd: string): Part {
  const lines = linesOf(file, cwd);
  const start = lines.find((line) => line.event === 'start');
  if (start === undefined) throw badReport(file, 'it has no line with "event":"start"');
  const finish = lines.find((line) => line.event === 'finish');
  const failures: FileFailure[] = [];
  const addFailure = (message: string) => failures.push({ title: file, message, stack: [] });
  if (finish === undefined) addFailure('the report is incomplete, because its run was killed');
  else if (finish.interrupted !== undefined) addFailure(`its run was interrupted by ${finish.interrupted}`);
  return {
    file,
    target: start.target,
    shard: start.shard,
    notes: lines.flatMap((line) => (line.event === 'note' ? [line.text] : [])),
    results: resultsOf(lines, cwd),
    failures,
    ms: finish?.ms ?? 0,
  };
}

function linesOf(file: string, cwd: string): JsonLine[] {
  let text: string;
  try {
    text = readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new MqError('NO_INPUT', `cannot read the report ${file}: ${systemReason(error)}`, { at: file, cause: error });
  }
  const lines = text.split('\n');
  // A killed run may have written an incomplete line.
  const whole = text.endsWith('\n') ? lines : lines.slice(0, -1);
  return whole
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        const value: unknown = JSON.parse(line);
        // The shape is mq's own contract (report/json.ts), and `event` selects the variant.
        if (typeof value === 'object' && value !== null && 'event' in value) return value as JsonLine;
      } catch {
        // The error below reports this line.
      }
      throw badReport(file, 'a line is not an event');
    });
}

function badReport(file: string, why: string): MqError {
  return new MqError('BAD_DATA', `${file} is not a JSON report of mq test: ${why}`, {
    at: file,
    hint: 'mq test --shard 1/3 --report json=FILE writes one',
  });
}

/** Returns the file results. The lines of a file's tests precede the line of the file. */
function resultsOf(lines: readonly JsonLine[], cwd: string): RunEvent[] {
  const events: RunEvent[] = [];
  let tests: (JsonLine & { event: 'test' })[] = [];
  for (const line of lines) {
    if (line.event === 'test') tests.push(line);
    if (line.event !== 'file') continue;
    events.push({ type: 'file', result: resultOf(line, tests, cwd) });
    tests = [];
  }
  return events;
}

function resultOf(
  { file, passed, ms, failures, output }: JsonLine & { event: 'file' },
  tests: readonly (JsonLine & { event: 'test' })[],
  cwd: string,
): FileResult {
  const read = failures.map((failure) => failureOf(failure, cwd));
  const texts = failures.map((failure) => JSON.stringify(failure));
  const results = tests.map(({ name, line, outcome, ms, failure, reason }): TestResult => {
    // A failure of a test is also a failure of the file. Both must be the same object, because the reporters compare
    // them by identity.
    const same = failure === undefined ? undefined : read[texts.indexOf(JSON.stringify(failure))];
    return {
      name,
      outcome,
      ms,
      ...(line !== undefined && { line }),
      ...(same !== undefined && { failure: same }),
      ...(reason !== undefined && { reason }),
    };
  });
  const skipped = results
    .filter(({ outcome }) => outcome === 'skip')
    .map(({ name, reason = '' }) => ({ test: name, reason }));
  return { file: resolve(cwd, file), passed, ms, output, failures: read, tests: results, skipped };
}

function failureOf({ at, ...failure }: JsonFailure, cwd: string): FileFailure {
  return { ...failure, at: { ...at, file: resolve(cwd, at.file) } };
}

function missingShards(parts: readonly Part[]): FileFailure[] {
  const shards = parts.flatMap(({ shard, file }) => (shard === undefined ? [] : [{ shard, file }]));
  const [first] = shards;
  if (first === undefined) return [];
  const of = Number(first.shard.split('/')[1]);
  const other = shards.find(({ shard }) => !shard.endsWith(`/${of}`));
  if (other !== undefined)
    throw badReport(other.file, `it is part ${other.shard}, but ${first.file} is part ${first.shard}`);
  const known = new Map<string, string>();
  for (const { shard, file } of shards) {
    const before = known.get(shard);
    if (before !== undefined) throw badReport(file, `${before} is also part ${shard}`);
    known.set(shard, file);
  }
  return Array.from({ length: of }, (_, index) => `${index + 1}/${of}`)
    .filter((shard) => !known.has(shard))
    .map((shard) => ({ title: `shard ${shard}`, message: 'its report is missing', stack: [] }));
}

function fileEvent(file: string, failures: readonly FileFailure[]): RunEvent {
  return { type: 'file', result: { file, ms: 0, output: '', tests: [], passed: 0, skipped: [], failures } };
}
