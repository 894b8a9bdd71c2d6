// Downloads the binaries of another platform, because npm installs only the packages of its own platform. The tarballs
// are cached in node_modules/.cache, and their hashes are checked at each use.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { BinaryPackage } from './platforms.ts';

const run = promisify(execFile);
const cache = join(dirname(dirname(import.meta.dirname)), 'node_modules', '.cache', 'mq');

/** Copies the package's binary to `output`. Throws if the package does not match its hash. */
export async function copyBinary(source: BinaryPackage, output: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mq-node-'));
  try {
    await run('tar', ['-xzf', await tarball(source), '-C', folder, `package/${source.binary}`]);
    await copyFile(join(folder, 'package', source.binary), output);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function tarball({ name, version, integrity }: BinaryPackage): Promise<string> {
  // npm names the tarball of @scope/name scope-name.
  const file = join(cache, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
  await mkdir(cache, { recursive: true });
  let content = await readFile(file).catch(() => undefined);
  if (!content) {
    await run('npm', ['pack', `${name}@${version}`, '--pack-destination', cache], { cwd: cache });
    content = await readFile(file);
  }
  const actual = `sha512-${createHash('sha512').update(content).digest('base64')}`;
  if (actual === integrity) return file;
  await rm(file);
  throw new Error(`${name}@${version} has the hash ${actual}, not ${integrity}`);
}
