// Defines a problem in rascal.json and formats it with its position.

import { MqError } from '../../errors.ts';
import { nearest } from '../../terminal/nearest.ts';

export type ProblemCode =
  | 'syntax'
  | 'duplicate'
  | 'unknown-key'
  | 'missing'
  | 'type'
  | 'value'
  | 'reference'
  | 'undefined-variable'
  /** Rascal supports this, but mq does not. */
  | 'unsupported'
  /** The file or program of a handler does not exist on this machine. */
  | 'missing-file'
  /** The RabbitMQ version of --target refuses this, or accepts it but does not do what it requests. */
  | 'refused'
  /** The RabbitMQ version of --target deprecates this, or no longer needs it. */
  | 'deprecated'
  /** This is valid but may not do what the user expects. */
  | 'warning';

/**
 * One problem. `line` and `column` start at 1, and a column is a UTF-16 code unit. `path` is empty if the problem
 * concerns the whole file.
 */
export interface Problem {
  readonly code: ProblemCode;
  /** Name of the file, if it is not rascal.json but one that rascal.json names. */
  readonly file?: string;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** Suggested replacement. */
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

/** Converts the findings to problems, ordered by position. */
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

/** Returns one line of text: `file:line:column: path: message; instead: replacement`. */
export function problemLine(main: string, { file = main, line, column, path, message, instead }: Problem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}${instead === undefined ? '' : `; instead: ${instead}`}`;
}

/** Returns one CONFIG error with all problems. */
export function configError(file: string, problems: readonly Problem[]): MqError {
  const lines = problems.map((problem) => problemLine(file, problem));
  const [first = `${file} is invalid`] = lines;
  // A file with a syntax error at its first character is usually empty or not JSON at all, so the hint is omitted.
  const isUnread = problems.some(({ code, line, column }) => code === 'syntax' && (line > 1 || column > 1));
  const hint = isUnread && { hint: 'mq checks the rest of the file when it is valid JSON' };
  if (lines.length < 2) return new MqError('CONFIG', first, { ...hint });
  return new MqError('CONFIG', `${file} has ${lines.length} problems`, { at: file, problems: lines, ...hint });
}

/** Returns ` (did you mean "queue"?)`, or an empty string if no candidate is similar. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? '' : ` (did you mean ${quote(near)}?)`;
}

/**
 * Returns a word of the user in quotes, shortened if it is long. Text that looks like an address is not shown, because
 * it may contain a password.
 */
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
