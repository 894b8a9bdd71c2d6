// The test suites inside mq, which check what a broker must support. They run like test files, with names that are not
// paths.

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

/** Names that replace the paths of files. */
export const suiteFiles: readonly string[] = Object.keys(suites).map((name) => `${prefix}${name}`);

/** Returns the function that loads the suite, or `undefined` if the file is not a suite. */
export function suiteOf(file: string): (() => Promise<unknown>) | undefined {
  const name = file.startsWith(prefix) ? file.slice(prefix.length) : '';
  return Object.hasOwn(suites, name) ? suites[name] : undefined;
}
