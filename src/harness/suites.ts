// The test suites inside mq, which check that a broker supports what mq needs. They run like test files, but their
// names are not paths.

const suites: Readonly<Record<string, () => Promise<unknown>>> = {
  routing: () => import('./suites/routing.ts'),
  delivery: () => import('./suites/delivery.ts'),
  confirms: () => import('./suites/confirms.ts'),
  'dead-letters': () => import('./suites/dead-letters.ts'),
  rpc: () => import('./suites/rpc.ts'),
  administration: () => import('./suites/administration.ts'),
  topology: () => import('./suites/topology.ts'),
  faults: () => import('./suites/faults.ts'),
};

const prefix = 'mq:';

export { suitesConfig } from './suites/config.ts';

/** Names of the suites, which the runner uses instead of the paths of files. */
export const suiteFiles: readonly string[] = Object.keys(suites).map((name) => `${prefix}${name}`);

/** Returns the function that loads the suite, or `undefined` if the file is not a suite. */
export function suiteOf(file: string): (() => Promise<unknown>) | undefined {
  const name = file.startsWith(prefix) ? file.slice(prefix.length) : '';
  return Object.hasOwn(suites, name) ? suites[name] : undefined;
}
