// Builds dist/. `npm run build` builds the executable of this platform. `npm run build -- --all` builds the executables
// of all platforms with their checksums, the npm package and the bill of materials. `npm run build -- --npm` builds
// only the npm package.
// `--verify-node` fails unless the Node of each platform is the one that nodejs.org publishes.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { writeChecksums } from './checksums.ts';
import { makeExecutable } from './executable.ts';
import { copyNode } from './node-package.ts';
import { makeNpmPackage } from './npm-package.ts';
import { type Platform, platforms, thisPlatform } from './platforms.ts';
import { assertPublished } from './published-node.ts';
import { writeBillOfMaterials } from './sbom.ts';

const root = dirname(dirname(import.meta.dirname));
const dist = join(root, 'dist');
const { values } = parseArgs({
  options: { all: { type: 'boolean' }, npm: { type: 'boolean' }, 'verify-node': { type: 'boolean' } },
});

if (values.all && `${process.platform}-${process.arch}` !== 'linux-x64') {
  throw new Error(
    '--all works on linux-x64: what goes into a foreign executable is made by a Node of the same version',
  );
}
if (values['verify-node']) for (const platform of platforms) await verifyNode(platform);
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

async function verifyNode(platform: Platform): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mq-verify-'));
  try {
    await copyNode(platform.node, join(folder, 'node'));
    await assertPublished(await readFile(join(folder, 'node')), { platform });
  } finally {
    await rm(folder, { recursive: true });
  }
}
