// Patterns of names, which are PCRE in RabbitMQ. RE2 accepts nearly all of them and needs linear time, so that a pattern
// cannot block the broker. JavaScript's expressions have the same meaning only if they are plain.

import type { RE2JS } from 're2js';
import { boundedTest } from './bounded-pattern.ts';

let engine: typeof RE2JS | undefined;

/** Loads RE2, unless all patterns are plain, because loading it is as slow as the start of the broker. */
export async function loadPatterns(sources: readonly string[]): Promise<void> {
  if (engine === undefined && !sources.every(isPlain)) engine = (await import('re2js')).RE2JS;
}

/** Returns a test for a pattern. `loadPatterns` must have loaded it. Throws a SyntaxError if the pattern is invalid. */
export function patternTest(source: string): (text: string) => boolean {
  // RE2 does not have look-around and back references. JavaScript's engine has them, and its time is limited.
  if (engine === undefined || isPlain(source) || backtracking(source) !== undefined) {
    return boundedTest(new RegExp(source, 'u'));
  }
  return linear(engine, source, 0);
}

/** Returns a test that ignores case and always uses RE2. Throws a SyntaxError if RE2 does not accept the pattern. */
export async function caselessPatternTest(source: string): Promise<(text: string) => boolean> {
  engine ??= (await import('re2js')).RE2JS;
  return linear(engine, source, engine.CASE_INSENSITIVE);
}

/** Returns the first construct of the pattern that requires backtracking. */
export function backtracking(source: string): string | undefined {
  return /\(\?(?:[=!>]|<[=!])|\\[1-9]|[+*?}]\+/.exec(source)?.[0];
}

function linear(loaded: typeof RE2JS, source: string, flags: number): (text: string) => boolean {
  try {
    const pattern = loaded.compile(source, flags);
    return (text) => pattern.test(text);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/**
 * Returns true if the pattern has the same meaning in every engine: names and dots, with anchors and stars. A pattern with
 * more than two stars is not plain, because it may backtrack for a long time.
 */
function isPlain(source: string): boolean {
  if (source.split('*').length > 3) return false;
  return /^\^?(?:[\w :/#@-]|\\?\.\*?|\|\^?)*\$?$/.test(source);
}
