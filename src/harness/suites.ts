// The suites that are in mq: what a broker has to do for it. They run as test files do, under names that are no path.

const suites = {
  routing: () => import('./suites/routing.ts'),
  delivery: () => import('./suites/delivery.ts'),
  confirms: () => import('./suites/confirms.ts'),
  'dead-letters': () => import('./suites/dead-letters.ts'),
  rpc: () => import('./suites/rpc.ts'),
  administration: () => import('./suites/administration.ts'),
  topology: () => import('./suites/topology.ts'),
  faults: () => import('./suites/faults.ts'),
} as const;

const prefix = 'mq:';

export { suitesConfig } from './suites/config.ts';

/** In the place of the paths of files. */
export const suiteFiles: readonly string[] = Object.keys(suites).map((name) => `${prefix}${name}`);

/** The function that loads the suite, if the file is one. */
export function suiteOf(file: string): (() => Promise<unknown>) | undefined {
  const name = file.startsWith(prefix) ? file.slice(prefix.length) : '';
  return Object.hasOwn(suites, name) ? suites[name as keyof typeof suites] : undefined;
}
