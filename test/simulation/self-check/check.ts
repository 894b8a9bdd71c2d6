// Checks that the simulation can fail: it must find each deliberate error within a number of seeds. Prints for each error the
// first seed that finds it.
//
//   node src/build/node24.js test/simulation/self-check/check.ts [WORDS OF A TITLE]
//
// The exit status is 1 if an error was not found. The seeds begin with 1, because a rare error would sometimes need more of random
// ones.

import { brokenBuilds, brokenStores } from './broken-builds.ts';
import { runFile, withCopy, withEdits } from './edited-copy.ts';
import { search } from './search.ts';

const wanted = process.argv.slice(2).join(' ');
const isWanted = ({ title }: { readonly title: string }) => title.includes(wanted);
let missed = 0;
await withCopy(async (folder) => {
  for (const build of brokenBuilds.filter(isWanted)) {
    const { seed, seeds } = await search(folder, build);
    if (seed === undefined) missed += 1;
    const result = seed === undefined ? 'not found' : `found by seed ${seed}`;
    process.stdout.write(`a build that ${build.title}: ${result}, ${seeds} of at most ${build.seeds} seeds\n`);
  }
  for (const { title, edits, caught } of brokenStores.filter(isWanted)) {
    const { stdout } = await withEdits(folder, edits, () => runFile('store.test.ts', [], { folder }));
    if (!caught.test(stdout)) missed += 1;
    process.stdout.write(`a store that ${title}: ${caught.test(stdout) ? 'found' : 'not found'} by store.test.ts\n`);
  }
});
process.exitCode = missed > 0 ? 1 : 0;
