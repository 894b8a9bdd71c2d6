// Decides which reports a run writes, and where: to standard output or to files.

import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MqError, systemReason } from '../../errors.ts';
import { makeFolder } from '../folder.ts';
import { github } from './github.ts';
import { json } from './json.ts';
import { junit } from './junit.ts';
import type { Reporter, RunEvent } from './reporter.ts';
import { tap } from './tap.ts';
import { text } from './text.ts';

const reporters = { text, tap, junit, json, github } as const satisfies Record<string, Reporter>;

type ReporterName = keyof typeof reporters;

/**
 * A report and its destination. A report without a file is written to standard output. The text report is written to
 * standard error if another report uses standard output.
 */
interface PlannedReport {
  readonly name: ReporterName;
  readonly to: 'stdout' | 'stderr' | { readonly file: string };
}

/**
 * Returns the reports for `--report NAME` and `--report NAME=FILE`, in their order. `--report-file FILE` applies to the
 * last named report. The text report is added if no other report uses standard output. If only `github` uses it, text
 * is added on standard error, because users read the annotations together with the log.
 * @throws {MqError} USAGE
 */
export function planReports(named: readonly string[], file?: string): PlannedReport[] {
  const asked = withFile(named.map(parse), file);
  const onStdout = asked.filter((one) => one.file === undefined && one.name !== 'text');
  if (onStdout.length > 1) {
    const [first, second] = onStdout.map(({ name }) => name);
    throw usage(
      `${first} and ${second} cannot both use standard output`,
      `write one of them to a file: --report ${second}=FILE`,
    );
  }
  const plain = asked.findIndex((one) => one.file === undefined && one.name === 'text');
  const isTextMissing = plain === -1 && onStdout.every(({ name }) => name === 'github');
  // Text on standard output is written once, even if it is named twice.
  const once = asked.filter((one, index) => one.file !== undefined || one.name !== 'text' || index === plain);
  const textTo = onStdout.length > 0 ? 'stderr' : 'stdout';
  return [...once, ...(isTextMissing ? [{ name: 'text', file: undefined } as const] : [])].map(({ name, file }) => ({
    name,
    to: file !== undefined ? { file } : name === 'text' ? textTo : 'stdout',
  }));
}

/** Output streams of the reports: those of main or of a test. */
export interface Streams {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
}

interface Place extends Streams {
  /** Absolute path. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isVerbose?: boolean;
}

export interface Reports {
  /** Passes the event to every report. Throws IO if a file cannot be written. */
  send(event: RunEvent): void;
  /** Closes the files. */
  close(): void;
}

/**
 * Opens the files before any test runs, and creates their folders. `cwd` is absolute.
 * @throws {MqError} CANNOT_CREATE
 */
export function openReports(
  planned: readonly PlannedReport[],
  { cwd, env, stdout, stderr, isVerbose = false }: Place,
): Reports {
  const common = { cwd, repository: env['GITHUB_WORKSPACE'] ?? cwd, read, now: Date.now, isVerbose };
  const reporterOf = (name: ReporterName, isColoured: boolean) => reporters[name]({ ...common, isColoured });
  const opened = planned.map(({ name, to }) => {
    if (typeof to === 'object') return { report: reporterOf(name, false), ...openFile(to.file, cwd) };
    const stream = to === 'stdout' ? stdout : stderr;
    const report = reporterOf(name, stream.isTTY === true && !env['NO_COLOR']);
    const isLog = env['GITHUB_ACTIONS'] === 'true' && (name === 'text' || name === 'tap');
    const shown = (text: string) => (isLog ? withoutCommands(text) : text);
    return { report, write: (text: string) => void stream.write(shown(text)), close: () => {} };
  });
  return {
    send: (event) => {
      for (const { report, write } of opened) {
        const text = report(event);
        if (text !== '') write(text);
      }
    },
    close: () => {
      for (const { close } of opened) close();
    },
  };
}

/**
 * Disables workflow commands in text. The GitHub Actions runner interprets `::error` at the start of a log line and
 * `##[error]` anywhere in it as commands, and test names or output may contain them.
 */
function withoutCommands(text: string): string {
  return text.replace(/^([^\S\r\n\u2028\u2029]*):(?=:)/gm, '$1:\u200b').replaceAll('##[', '#\u200b#[');
}

interface Asked {
  readonly name: ReporterName;
  readonly file: string | undefined;
}

function parse(word: string): Asked {
  const [, name = '', file] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  if (!isReporter(name)) throw usage(`there is no report '${name}'`, `reports: ${Object.keys(reporters).join(', ')}`);
  if (file === '') throw usage(`--report ${name}= requires a file`);
  return { name, file: file === '-' ? undefined : file };
}

function withFile(asked: readonly Asked[], file: string | undefined): readonly Asked[] {
  if (file === undefined) return asked;
  if (file === '') throw usage('--report-file requires a file');
  const { name, file: other } = asked.at(-1) ?? { name: 'text' as const };
  if (other !== undefined) throw usage(`the report ${name} has two files: ${other} and ${file}`);
  return [...asked.slice(0, -1), { name, file: file === '-' ? undefined : file }];
}

function isReporter(name: string): name is ReporterName {
  return Object.hasOwn(reporters, name);
}

function usage(message: string, hint = 'mq test --help'): MqError {
  return new MqError('USAGE', message, { hint });
}

/** Opens a file. It is written synchronously, so that it contains every event even if the run is killed. */
function openFile(file: string, cwd: string): { write: (text: string) => void; close: () => void } {
  const path = resolve(cwd, file);
  const descriptor = attempt('CANNOT_CREATE', `cannot create the report ${file}`, file, () => {
    makeFolder(dirname(path));
    return openSync(path, 'w');
  });
  return {
    write: (text) => {
      attempt('IO', `cannot write the report ${file}`, file, () => writeFileSync(descriptor, text));
    },
    close: () => closeSync(descriptor),
  };
}

function attempt<T>(code: 'CANNOT_CREATE' | 'IO', what: string, at: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new MqError(code, `${what}: ${systemReason(error)}`, { at, cause: error });
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
