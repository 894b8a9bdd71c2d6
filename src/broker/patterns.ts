// Compiles patterns of names. RabbitMQ uses PCRE for them. RE2 accepts nearly all PCRE patterns and matches in linear time,
// so a pattern cannot block the broker. JavaScript's engine is used only for plain patterns, which mean the same in every
// engine, and for patterns that RE2 does not support.

import type { RE2JS } from 're2js';
import { boundedTest } from './bounded-pattern.ts';

let engine: typeof RE2JS | undefined;

/** Loads RE2 if one of the patterns is not plain. Otherwise it is not loaded, because that would double the start time. */
export async function loadPatterns(sources: readonly string[]): Promise<void> {
  if (engine === undefined && !sources.every(isPlain)) engine = (await import('re2js')).RE2JS;
}

/** Returns a test for a pattern. Call `loadPatterns` with the pattern first. Throws a SyntaxError for an invalid pattern. */
export function patternTest(source: string): (text: string) => boolean {
  // RE2 does not support look-around and back references. JavaScript's engine supports them, and its run time is limited.
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

/** Returns the first construct of the pattern that requires backtracking, or `undefined`. */
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
 * Returns true if the pattern has the same meaning in every engine. Such a pattern contains only characters of names, dots,
 * anchors, alternatives and at most two stars. With more stars it could backtrack for a long time.
 */
function isPlain(source: string): boolean {
  if (source.split('*').length > 3) return false;
  return /^\^?(?:[\w :/#@-]|\\?\.\*?|\|\^?)*\$?$/.test(source);
}
