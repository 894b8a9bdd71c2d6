// Builds dist/. `npm run build` builds the executable of this platform. `npm run build -- --all` builds the executables
// of all platforms with their checksums, the npm package and the bill of materials. `npm run build -- --npm` builds
// only the npm package.

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { writeChecksums } from './checksums.ts';
import { makeExecutable } from './executable.ts';
import { makeNpmPackage } from './npm-package.ts';
import { platforms, thisPlatform } from './platforms.ts';
import { writeBillOfMaterials } from './sbom.ts';

const root = dirname(dirname(import.meta.dirname));
const dist = join(root, 'dist');
const { values } = parseArgs({ options: { all: { type: 'boolean' }, npm: { type: 'boolean' } } });

if (values.all && `${process.platform}-${process.arch}` !== 'linux-x64') {
  throw new Error('--all works only on linux-x64, because it needs the pinned Node binaries of that platform');
}
const { pieces, files } = await bundle({ entry: join(root, 'src', 'main.ts'), root });
await mkdir(dist, { recursive: true });
if (values.all) {
  const made: string[] = [];
  for (const platform of platforms)
    made.push(await makeExecutable({ platform, pieces, output: join(dist, platform.file) }));
  made.push(await makeNpmPackage({ root, pieces, output: dist }));
  made.push(await writeBillOfMaterials({ root, files, output: join(dist, 'mq.cdx.json') }));
  await writeChecksums({ files: made, output: join(dist, 'SHA256SUMS') });
} else if (values.npm) {
  await makeNpmPackage({ root, pieces, output: dist });
} else {
  const platform = thisPlatform();
  await makeExecutable({ platform, pieces, output: join(dist, platform.os === 'win' ? 'mq.exe' : 'mq') });
}
