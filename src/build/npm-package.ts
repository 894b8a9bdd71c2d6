// Builds the npm package: the same pieces as in the executable, for an installed Node. `npx ./mq-0.1.0.tgz demo`
// downloads and builds nothing.

import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundleWhole } from './bundle.ts';
import type { Pieces } from './pieces.ts';
import { joinedName, scriptsOf } from './scripts.ts';

/** Packs the pieces into `mq-VERSION.tgz` in the folder `output`, and returns its path. */
export async function makeNpmPackage(given: { root: string; pieces: Pieces; output: string }): Promise<string> {
  const { root, pieces, output } = given;
  const folder = await mkdtemp(join(tmpdir(), 'mq-npm-'));
  try {
    await mkdir(join(folder, 'pieces'));
    const { sources, joined } = scriptsOf(pieces);
    for (const [name, source] of [...sources, [joinedName, JSON.stringify(joined)] as const])
      await writeFile(join(folder, 'pieces', name), source);
    await writeFile(
      join(folder, 'mq.js'),
      `#!/usr/bin/env node\n${await bundleWhole(join(import.meta.dirname, 'npm-start.ts'))}`,
    );
    await chmod(join(folder, 'mq.js'), 0o755);
    for (const name of ['README.md', 'LICENSE']) await copyFile(join(root, name), join(folder, name));
    const { name, version, description, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    // The package is CommonJS, as the pieces are.
    const manifest = { name, version, description, license, bin: { mq: 'mq.js' }, engines: { node: '>=24' } };
    await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await promisify(execFile)('npm', ['pack', '--pack-destination', output, '--ignore-scripts'], {
      cwd: folder,
      shell: process.platform === 'win32',
    });
    return join(output, `${name}-${version}.tgz`);
  } finally {
    await rm(folder, { recursive: true });
  }
}
