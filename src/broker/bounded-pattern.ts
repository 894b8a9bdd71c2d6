// Regular expressions that users write. One with nested quantifiers can take longer than the universe has existed.

import { createContext, Script } from 'node:vm';

/** A test of a name that is not malicious takes microseconds. */
const limitMs = 20;
/** A pause of the machine may use up the limit once. */
const attempts = 2;
const knownLimit = 1024;

const context = createContext({ pattern: /./, name: '' }) as { pattern: RegExp; name: string };
const script = new Script('pattern.test(name)');

/** Returns a test of names that takes a bounded time. A name for which the pattern takes too long does not match. */
export function boundedTest(pattern: RegExp): (name: string) => boolean {
  // With one quantifier at most and no alternatives, the time grows no faster than the square of a name's length.
  const isSimple = !pattern.source.includes('|') && (pattern.source.match(/[*+?{]/g)?.length ?? 0) <= 1;
  if (isSimple) return (name) => pattern.test(name);
  const known = new Map<string, boolean>();
  return (name) => {
    const answer = known.get(name) ?? isMatch(pattern, name) ?? false;
    if (known.size >= knownLimit) known.clear();
    known.set(name, answer);
    return answer;
  };
}

/** Returns undefined if it takes too long. */
function isMatch(pattern: RegExp, name: string): boolean | undefined {
  context.pattern = pattern;
  context.name = name;
  for (let left = attempts; left > 0; left--) {
    try {
      return script.runInContext(context, { timeout: limitMs }) as boolean;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    }
  }
  return undefined;
}
