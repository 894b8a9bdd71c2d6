// Checks that the simulation can fail: it must find each deliberate error within a number of seeds. Prints for each error the
// first seed that finds it.
//
//   node src/build/node24.js test/simulation/self-check/check.ts [WORDS OF A TITLE]
//
// The exit status is 1 if an error was not found. The seeds begin with 1, because a rare error would sometimes need more of random
// ones.

import { brokenBuilds } from './broken-builds.ts';
import { withCopy } from './edited-copy.ts';
import { search } from './search.ts';

const wanted = process.argv.slice(2).join(' ');
let missed = 0;
await withCopy(async (folder) => {
  for (const build of brokenBuilds.filter(({ title }) => title.includes(wanted))) {
    const { seed, seeds } = await search(folder, build);
    if (seed === undefined) missed += 1;
    const result = seed === undefined ? 'not found' : `found by seed ${seed}`;
    process.stdout.write(`a build that ${build.title}: ${result}, ${seeds} of at most ${build.seeds} seeds\n`);
  }
});
process.exitCode = missed > 0 ? 1 : 0;
