// A problem of rascal.json: where it is, and how it is worded.

import { closest, distance } from 'fastest-levenshtein';
import { MqError } from '../errors.ts';

export type ProblemCode =
  | 'syntax'
  | 'duplicate'
  | 'unknown-key'
  | 'missing'
  | 'type'
  | 'value'
  | 'reference'
  | 'undefined-variable'
  /** Rascal does this, mq does not. */
  | 'unsupported'
  /** A handler's file or program is not on this machine. */
  | 'missing-file'
  /** Of a RabbitMQ version: it refuses this, or takes it and does not do what it says. */
  | 'refused'
  /** Of a RabbitMQ version: it takes this for now, or does nothing with it. */
  | 'deprecated'
  /** It is right, and may do what the user does not expect. */
  | 'warning';

/** One problem. `line` and `column` (UTF-16 units) count from 1; `path` is empty for the file as a whole. */
export interface Problem {
  readonly code: ProblemCode;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to write in its place. */
  readonly instead?: string;
}

export type Path = readonly (string | number)[];

/** A problem before its line and column are known. */
export interface Finding {
  readonly code: ProblemCode;
  readonly path: Path;
  readonly offset: number;
  readonly message: string;
  readonly instead?: string;
}

/** The findings as problems, in order of position. */
export function problemsOf(text: string, findings: readonly Finding[]): Problem[] {
  const starts = [0, ...Array.from(text.matchAll(/\r\n|\r|\n/g), (end) => end.index + end[0].length)];
  return findings
    .toSorted((one, other) => one.offset - other.offset)
    .map(({ code, path, offset, message, instead }) => {
      const line = starts.findLastIndex((start) => start <= offset);
      const place = { path: pathText(path), line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
      return { code, ...place, message, ...(instead !== undefined && { instead }) };
    });
}

/** `file:line:col: path: what is wrong; instead: what to write`. */
export function problemLine(file: string, { line, column, path, message, instead }: Problem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}${instead === undefined ? '' : `; instead: ${instead}`}`;
}

/** All of them, as one error: CONFIG. */
export function configError(file: string, problems: readonly Problem[]): MqError {
  const lines = problems.map((problem) => problemLine(file, problem));
  const [first = `${file} is wrong`] = lines;
  // An error at the first character leaves no rest.
  const isUnread = problems.some(({ code, line, column }) => code === 'syntax' && (line > 1 || column > 1));
  const hint = isUnread && { hint: 'the rest of the file is checked when it is valid JSON' };
  if (lines.length < 2) return new MqError('CONFIG', first, { ...hint });
  return new MqError('CONFIG', `${file} has ${lines.length} problems`, { at: file, problems: lines, ...hint });
}

/** ` (did you mean "queue"?)`, or nothing where no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  if (word.length < 2 || candidates.length === 0) return '';
  const near = closest(
    word.toLowerCase(),
    candidates.map((candidate) => candidate.toLowerCase()),
  );
  const found = candidates.find((candidate) => candidate.toLowerCase() === near) ?? '';
  const tolerance = Math.max(1, Math.round(word.length * 0.4));
  return found !== '' && distance(word.toLowerCase(), near) <= tolerance ? ` (did you mean ${quote(found)}?)` : '';
}

/** A word of the user in quotes, cut where it is long. What looks like an address is not shown: it may hold a password. */
export function quote(word: string): string {
  if (word.includes('://')) return 'an address';
  return JSON.stringify(word.length > 60 ? `${word.slice(0, 57)}…` : word);
}

function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w$-]+$/.test(step)) return `[${quote(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}
