// The options --chaos and --chaos-seed: checks them, and writes the sentences and commands of the report.

import { relative } from 'node:path';
import type { UnreachedTest } from '../../../harness/file-run.ts';
import type { RunOptions } from '../../../harness/run.ts';
import type { Values } from '../../arguments/values.ts';

export interface ChaosPlan {
  readonly seeds: readonly number[];
  /** Options that a command needs to repeat a failure, such as `--config`. */
  readonly options: readonly string[];
  /** The text of --filter, quoted for a shell. A command for one test names the test instead. */
  readonly filter?: string;
}

const mostSeeds = 10_000;

/** Returns `undefined` without --chaos. Throws USAGE if the options are invalid, or for a target without faults. */
export function chaosPlanOf(values: Values): ChaosPlan | undefined {
  const seed = values.whole('chaos-seed', { min: 1, max: 2 ** 31 });
  const count = values.whole('chaos', { min: 1, max: mostSeeds });
  if (seed === undefined && count === undefined) return undefined;
  const option = seed === undefined ? '--chaos' : '--chaos-seed';
  if (values.flag('self')) throw values.usage(`${option} and --self cannot be used together`);
  const on = values.given.includes('connection') ? '--connection' : `--on ${values.name('on') ?? 'embedded'}`;
  if (on !== '--on embedded') {
    const hint = `leave out ${on}; with --on cluster, tests can use the faults of 'cluster' (mq help chaos)`;
    throw values.usage(`${option} requires the embedded broker, because only it can cause these faults`, hint);
  }
  const seeds = seed === undefined ? Array.from({ length: count ?? 0 }, (_, index) => index + 1) : [seed];
  if (seed !== undefined && count !== undefined)
    throw values.usage(
      '--chaos and --chaos-seed cannot be used together',
      'leave out --chaos; --chaos-seed uses one seed',
    );
  const options = (['config', 'timeout'] as const).flatMap((name) => {
    const value = values.text(name);
    return value === undefined ? [] : [`--${name}`, quoted(value)];
  });
  const filter = values.name('filter');
  return { seeds, options, ...(filter !== undefined && { filter: quoted(filter) }) };
}

/** `onRun` receives a description of each run before it starts. */
export function chaosOptions(
  { seeds, options, filter }: ChaosPlan,
  { cwd, onRun = () => undefined }: { readonly cwd: string; readonly onRun?: (what: string) => void },
): NonNullable<RunOptions['chaos']> {
  return {
    seeds,
    onRun: ({ file, seed }) => onRun(`${relative(cwd, file)}, seed ${seed}`),
    commandOf: ({ file, seed, test }) => {
      const named = test === undefined ? filter : quoted(test);
      const name = named === undefined ? [] : ['-t', named];
      return ['mq test', quoted(relative(cwd, file)), ...options, ...name, `--chaos-seed ${seed}`].join(' ');
    },
  };
}

/** Describes the run for the report. */
export function chaosNote({ seeds }: ChaosPlan): string {
  const [first = 0] = seeds;
  const named = seeds.length === 1 ? `seed ${first}` : `seeds ${first} to ${seeds.at(-1)}`;
  return `chaos with ${named}: redelivery, reordering, slow confirms, reconnect`;
}

/** Returns notes about the tests that show nothing about faults, because no fault has reached them. */
export function unreachedNotes(
  file: string,
  unreached: readonly UnreachedTest[],
  { seeds }: Pick<ChaosPlan, 'seeds'>,
): string[] {
  const these = seeds.length === 1 ? 'this seed causes' : 'these seeds cause';
  const reasons = [
    [false, 'no role or client published a message, or acknowledged one of a classic or quorum queue'],
    [true, `${these} no fault for it; try other seeds (--chaos-seed)`],
  ] as const;
  return reasons.flatMap(([isReachable, reason]) => {
    const [first, ...more] = unreached.filter((one) => one.isReachable === isReachable);
    if (first === undefined) return [];
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    return [`${file}: no fault reached "${first.test}"${others}: ${reason}`];
  });
}

/** Quotes a word for a shell, if it needs quotes. */
function quoted(word: string): string {
  if (/^[\w./:@=+-]+$/.test(word)) return word;
  return /["$`\\!]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : `"${word}"`;
}
