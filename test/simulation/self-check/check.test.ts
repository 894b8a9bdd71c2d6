// Checks in each run of the tier that the simulation can fail, with the broken builds that it finds within few seeds. check.ts
// runs all of them.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { edited } from '../../faults/broken-build.ts';
import { brokenBuilds, brokenStores } from './broken-builds.ts';
import { withCopy } from './edited-copy.ts';
import { search } from './search.ts';

const src = resolve(import.meta.dirname, '../../../src');
/** Builds with at most this number of seeds run in the tier. */
const fewSeeds = 25;

test('the sources contain the text of each edit once', () => {
  for (const { title, edits } of [...brokenBuilds, ...brokenStores]) {
    const sources = new Map<string, string>();
    for (const edit of edits) {
      const [file] = edit;
      const source = sources.get(file) ?? readFileSync(resolve(src, file), 'utf8');
      sources.set(file, edited(source, edit));
    }
    assert.ok(sources.size > 0, title);
  }
});

test('few seeds find broken builds', async () => {
  await withCopy(async (folder) => {
    for (const build of brokenBuilds.filter(({ seeds }) => seeds <= fewSeeds)) {
      const { seed } = await search(folder, build, ['--jobs', '1']);
      assert.ok(seed !== undefined, `${build.seeds} seeds did not find a build that ${build.title}`);
    }
  });
});

test.run();
