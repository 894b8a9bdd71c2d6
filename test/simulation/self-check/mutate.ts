// Measures how many small errors the simulation finds: changes random lines of the sources, one at a time, and runs a number of
// seeds over each change.
//
//   node src/build/node24.js test/simulation/self-check/mutate.ts --mutations 30 --seed 1 --schedules 300
//
// A survivor is a change that the simulation did not find. It may be equivalent, or an error that no invariant shows. A change
// of code that these seeds do not run is listed as unreached.

import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { emptyFolder } from '../../support/mq.ts';
import { type Random, randomOf } from '../../support/random.ts';
import { Coverage } from './coverage.ts';
import { simulate, withCopy } from './edited-copy.ts';
import { type Mutation, mutationsOf } from './mutations.ts';

const src = resolve(import.meta.dirname, '../../../src');
const folders = ['session', 'roles', 'broker/store', 'broker/queue'];
/** Milliseconds after which a run counts as a hang. */
const limitMs = 600_000;

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { mutations: text, seed: text, schedules: text, jobs: text } });
const { mutations = '30', seed = '1', schedules = '300', jobs = '1' } = values;

interface Mutant {
  readonly file: string;
  readonly mutation: Mutation;
}

/** Returns the mutation of a random line. Lines without mutations are not in the choice. */
function randomMutant(random: Random, lines: readonly (readonly Mutant[])[]): Mutant {
  return random.pick(random.pick(lines));
}

/** Returns the mutations of each line that has one. */
function mutantsByLine(file: string): Mutant[][] {
  const all = mutationsOf(file, readFileSync(join(src, file), 'utf8'));
  const byLine = Map.groupBy(all, ({ line }) => line);
  return [...byLine.values()].map((mutations) => mutations.map((mutation) => ({ file, mutation })));
}

/** Returns the violation that a run of the seeds found, or `undefined`. */
async function violationIn(folder: string, env?: Record<string, string>): Promise<string | undefined> {
  const args = [
    '--seed',
    seed,
    '--schedules',
    schedules,
    '--jobs',
    jobs,
    '--minutes',
    '60',
    '--until',
    '.',
    '--progress',
    '3600',
  ];
  const { status, stdout, stderr } = await simulate(args, { folder, limitMs, ...(env && { env }) });
  if (status === 0) return undefined;
  const violation = /^seed \d+: .*/m.exec(stdout)?.[0] ?? (stderr.trim().split('\n')[0] || `status ${status}`);
  return `${violation.slice(0, 100)} (after ${/(\d+) schedules/.exec(stdout)?.[1] ?? '?'} seeds)`;
}

async function violationAfter({ file, mutation }: Mutant, folder: string): Promise<string | undefined> {
  const path = join(folder, 'src', file);
  const source = readFileSync(path, 'utf8');
  const { start, end, instead } = mutation;
  writeFileSync(path, source.slice(0, start) + instead + source.slice(end));
  try {
    return await violationIn(folder);
  } finally {
    writeFileSync(path, source);
  }
}

function describe({ file, mutation: { line, start, end, instead } }: Mutant): string {
  const source = readFileSync(join(src, file), 'utf8');
  const [before, after] = [source.slice(start, end), instead].map((code) => code.replace(/\s+/g, ' ').slice(0, 60));
  return `src/${file}:${line}  ${before}  →  ${after}`;
}

async function main(): Promise<void> {
  const random = randomOf(Number(seed));
  const files = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: src })).filter(isCode);
  const lines = files.sort().flatMap(mutantsByLine);
  const mutants = Array.from({ length: Number(mutations) }, () => randomMutant(random, lines));
  const counts = { caught: 0, survived: 0, unreached: 0 };
  await withCopy(async (folder) => {
    const reports = emptyFolder();
    const before = await violationIn(folder, { NODE_V8_COVERAGE: reports });
    if (before !== undefined) throw new Error(`the unchanged sources violate an invariant: ${before}`);
    const coverage = new Coverage(reports, join(folder, 'src'));
    for (const mutant of mutants) {
      const isReached = coverage.has(mutant.file, mutant.mutation.start);
      const violation = isReached ? await violationAfter(mutant, folder) : undefined;
      const verdict = violation ? 'caught' : isReached ? 'survived' : 'unreached';
      counts[verdict] += 1;
      process.stdout.write(`${verdict.padEnd(9)}  ${describe(mutant)}  ${violation ?? ''}\n`);
    }
  });
  process.stdout.write(`${schedules} seeds from ${seed}: ${JSON.stringify(counts)}\n`);
}

function isCode(file: string): boolean {
  return !file.endsWith('.d.ts');
}

await main();
