// Patterns of names, which RabbitMQ reads as PCRE. RE2 reads nearly all of them, and its time is linear, so that a pattern
// cannot hold up the broker. JavaScript's own expressions mean the same only as long as they are plain.

import type { RE2JS } from 're2js';
import { boundedTest } from './bounded-pattern.ts';

let engine: typeof RE2JS | undefined;

/** Loads the engine. It takes as long as the start of the broker, and most patterns are plain. */
export async function loadPatterns(sources: readonly string[]): Promise<void> {
  if (engine === undefined && !sources.every(isPlain)) engine = (await import('re2js')).RE2JS;
}

/** Returns the test of a pattern whose engine is loaded. Throws a SyntaxError. */
export function patternTest(source: string): (text: string) => boolean {
  // RE2 has no look-around and no back references. JavaScript's engine does these, because administrators are trusted.
  if (engine === undefined || isPlain(source) || backtracking(source) !== undefined) {
    return boundedTest(new RegExp(source, 'u'));
  }
  return linear(engine, source, 0);
}

/** Returns the same without regard to case, and only by the linear engine. Throws a SyntaxError. */
export async function caselessPatternTest(source: string): Promise<(text: string) => boolean> {
  engine ??= (await import('re2js')).RE2JS;
  return linear(engine, source, engine.CASE_INSENSITIVE);
}

/** Returns the first construct that only an engine that backtracks can do. */
export function backtracking(source: string): string | undefined {
  return /\(\?(?:[=!>]|<[=!])|\\[1-9]|[+*?}]\+/.exec(source)?.[0];
}

function linear(loaded: typeof RE2JS, source: string, flags: number): (text: string) => boolean {
  try {
    const pattern = loaded.compile(source, flags);
    return (text) => pattern.test(text);
  } catch (error) {
    throw new SyntaxError((error as Error).message, { cause: error });
  }
}

/** Means the same in every engine: names and dots, with anchors and stars. More than two stars may backtrack for long. */
function isPlain(source: string): boolean {
  if (source.split('*').length > 3) return false;
  return /^\^?(?:[\w :/#@-]|\\?\.\*?|\|\^?)*\$?$/.test(source);
}
