// Compares the Node of a platform, which comes from npm, with the one that nodejs.org publishes.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeVersion, type Platform } from './platforms.ts';

/**
 * Throws if the Node binary is not the one of nodejs.org.
 * @param dist the folder of the releases at nodejs.org
 */
export async function assertPublished(
  binary: Uint8Array,
  { platform, dist = 'https://nodejs.org/dist' }: { platform: Pick<Platform, 'os' | 'arch' | 'file'>; dist?: string },
): Promise<void> {
  const release = `${dist}/v${nodeVersion}`;
  const name = publishedName(platform);
  const sums = (await download(`${release}/SHASUMS256.txt`)).toString();
  const published = sums.split('\n').find((line) => line.endsWith(`  ${name}`));
  if (published === undefined) throw new Error(`${release}/SHASUMS256.txt has no ${name}`);
  const content = platform.os === 'win' ? binary : await download(`${release}/${name}`);
  if (sha256(content) !== published.slice(0, 64))
    throw new Error(`${name} is not the one of ${release}/SHASUMS256.txt`);
  if (platform.os === 'win' || sha256(binary) === sha256(await nodeIn(content))) return;
  throw new Error(`the Node of ${platform.file} is not the one in ${release}/${name}`);
}

/** The only binary that has a checksum of its own is the one for Windows. */
function publishedName({ os, arch }: Pick<Platform, 'os' | 'arch'>): string {
  if (os === 'win') return `win-${arch}/node.exe`;
  return `node-v${nodeVersion}-${os === 'macos' ? 'darwin' : os}-${arch}.tar.gz`;
}

async function nodeIn(archive: Uint8Array): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'mq-published-'));
  try {
    await writeFile(join(folder, 'archive'), archive);
    await promisify(execFile)('tar', ['-xzf', join(folder, 'archive'), '-C', folder, '--strip-components=1']);
    return await readFile(join(folder, 'bin', 'node'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function download(url: string): Promise<Buffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`cannot download ${url}: ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
