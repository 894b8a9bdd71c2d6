// Finds the position of a failure: from the stack, or from the title of its test in the source.

import { relative, sep } from 'node:path';
import type { FileResult } from '../file-run.ts';
import type { FileFailure } from '../verdict.ts';

interface Place {
  /** Absolute path. */
  readonly file: string;
  /** Line number, starting at 1. */
  readonly line: number;
  readonly column?: number;
}

/**
 * Returns the position of the frame in the test's own file, or of the innermost frame. A failure without a stack (a
 * deadline, a test that did not run) has the position of the test's title, or the first line of the file.
 */
export function placeOf(
  failure: FileFailure,
  { file, tests }: Pick<FileResult, 'file' | 'tests'>,
  read: (file: string) => string | undefined,
): Place {
  if (failure.at !== undefined) return failure.at;
  const places = failure.stack.flatMap((frame) => placeOfFrame(frame) ?? []);
  const place = places.find((one) => one.file === file) ?? places[0];
  const line = tests.find((test) => test.failure === failure)?.line;
  return place ?? { file, line: line ?? lineOfTitle(failure.title, read(file) ?? '') };
}

/** Returns the path relative to a folder, with `/` on every system. */
export function pathFrom(folder: string, file: string): string {
  return relative(folder, file).split(sep).join('/');
}

/** Parses `at Object.handler (/a/b.test.ts:8:38)`, `at /a/b.test.ts:8:38` and `at /a/b.test.ts:8`. */
function placeOfFrame(frame: string): Place | undefined {
  const [, place = ''] = /^at .*? \((.+)\)$/.exec(frame) ?? /^at (?:async )?(.+)$/.exec(frame) ?? [];
  const found = /^(.+?):(\d+)(?::(\d+))?$/.exec(place);
  if (found === null) return undefined;
  const [, file = '', line, column] = found;
  return { file, line: Number(line), ...(column !== undefined && { column: Number(column) }) };
}

/** Finds the line of a test by the title of its failure, which quotes the name of the test and of its suite. */
function lineOfTitle(title: string, source: string): number {
  const quoted = [...title.matchAll(/"(.+)"/g)].flatMap(([, name = '']) => [name, name.replace(/^.*?: /, '')]);
  const at = quoted.map((name) => source.indexOf(name)).find((index) => index !== -1) ?? 0;
  return source.slice(0, at).split('\n').length;
}
