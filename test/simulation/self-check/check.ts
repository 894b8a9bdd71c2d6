// Checks that the simulation can fail: it must find each deliberate error within a number of seeds. Prints for each error the
// number of seeds that were needed.
//
//   node src/build/node24.js test/simulation/self-check/check.ts [WORDS OF A TITLE]
//
// The exit status is 1 if an error was not found. The first seed is fixed, because with a random one a rare error would sometimes
// need more seeds.

import { type BrokenBuild, brokenBuilds } from './broken-builds.ts';
import { simulate, withEditedCopy } from './edited-copy.ts';

const firstSeed = '1';

/** Returns the number of seeds until the error is found, or `undefined` if it is not. */
async function seedsUntilFound({ edits, caught, seeds }: BrokenBuild): Promise<number | undefined> {
  const { stdout } = await withEditedCopy(edits, (folder) =>
    simulate(['--seed', firstSeed, '--schedules', String(seeds), '--until', caught.source, '--minutes', '9'], {
      folder,
    }),
  );
  // Violations follow `seed N: ` or, after the first one, two spaces.
  const violations = stdout.split('\n').map((line) => line.replace(/^(seed \d+: | {2})/, ''));
  if (!violations.some((violation) => caught.test(violation))) return undefined;
  return Number(/^(\d+) schedules/m.exec(stdout)?.[1]);
}

const wanted = process.argv.slice(2).join(' ');
let missed = 0;
for (const build of brokenBuilds.filter(({ title }) => title.includes(wanted))) {
  const found = await seedsUntilFound(build);
  if (found === undefined) missed += 1;
  const result = found === undefined ? 'not found' : `found after ${found}`;
  process.stdout.write(`a build that ${build.title}: ${result} of at most ${build.seeds} seeds\n`);
}
process.exitCode = missed > 0 ? 1 : 0;
