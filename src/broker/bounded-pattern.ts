// Limits the run time of regular expressions from users, because nested quantifiers can take exponential time.

import { createContext, Script } from 'node:vm';
import { systemCode } from '../errors.ts';

/** Time limit of one attempt. A harmless pattern needs microseconds. */
const limitMs = 20;
/** There is a second attempt, because a pause of the machine can exceed the limit of the first one. */
const attempts = 2;
const cacheLimit = 1024;

const variables = { pattern: /./, name: '' };
const context = createContext(variables);
const script = new Script('pattern.test(name)');

/** Returns a test with limited run time. A name does not match if the pattern exceeds the limit for it. */
export function boundedTest(pattern: RegExp): (name: string) => boolean {
  // With at most one quantifier and no alternatives, the run time is at most quadratic in the length of the name.
  const isSimple = !pattern.source.includes('|') && (pattern.source.match(/[*+?{]/g)?.length ?? 0) <= 1;
  if (isSimple) return (name) => pattern.test(name);
  const cache = new Map<string, boolean>();
  return (name) => {
    const result = cache.get(name) ?? isMatch(pattern, name);
    if (cache.size >= cacheLimit) cache.clear();
    cache.set(name, result);
    return result;
  };
}

function isMatch(pattern: RegExp, name: string): boolean {
  variables.pattern = pattern;
  variables.name = name;
  for (let left = attempts; left > 0; left--) {
    try {
      return script.runInContext(context, { timeout: limitMs }) === true;
    } catch (error) {
      if (systemCode(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    }
  }
  return false;
}
