// Downloads the Node of another platform, because npm installs only the package of its own platform. The tarballs are
// cached in node_modules/.cache, and their hashes are checked at each use.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { NodePackage } from './platforms.ts';

const run = promisify(execFile);
const cache = join(dirname(dirname(import.meta.dirname)), 'node_modules', '.cache', 'mq');

/** Copies the package's Node binary to `output`. Throws if the package does not match its hash. */
export async function copyNode(node: NodePackage, output: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mq-node-'));
  try {
    await run('tar', ['-xzf', await tarball(node), '-C', folder, `package/${node.binary}`]);
    await copyFile(join(folder, 'package', node.binary), output);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function tarball(node: NodePackage): Promise<string> {
  const file = join(cache, `${node.name}-${node.version}.tgz`);
  await mkdir(cache, { recursive: true });
  let content = await readFile(file).catch(() => undefined);
  if (!content) {
    await run('npm', ['pack', `${node.name}@${node.version}`, '--pack-destination', cache], { cwd: cache });
    content = await readFile(file);
  }
  const integrity = `sha512-${createHash('sha512').update(content).digest('base64')}`;
  if (integrity === node.integrity) return file;
  await rm(file);
  throw new Error(`${node.name}@${node.version} has the hash ${integrity}, not ${node.integrity}`);
}
