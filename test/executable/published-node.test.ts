// The comparison of npm's Node with the one of nodejs.org, with a server in the place of nodejs.org.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeVersion } from '../../src/build/platforms.ts';
import { assertPublished } from '../../src/build/published-node.ts';

const linux = { os: 'linux', arch: 'x64', file: 'mq-linux-x64' } as const;
const windows = { os: 'win', arch: 'x64', file: 'mq-win-x64.exe' } as const;
const published = Buffer.from('the published binary');
const other = Buffer.from('another binary');

/** Returns the archive of a release with this binary. */
function archiveOf(binary: Buffer): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'mq-test-'));
  try {
    mkdirSync(join(folder, 'node-release', 'bin'), { recursive: true });
    writeFileSync(join(folder, 'node-release', 'bin', 'node'), binary);
    execFileSync('tar', ['-czf', join(folder, 'archive'), '-C', folder, 'node-release']);
    return readFileSync(join(folder, 'archive'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Serves a release, and returns the result of the comparison: 'the same' or the error. */
async function compared(
  binary: Buffer,
  platform: typeof linux | typeof windows,
  files: Readonly<Record<string, Buffer>>,
): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    const file = files[url.slice(`/v${nodeVersion}/`.length)];
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const dist = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await assertPublished(binary, { platform, dist });
    return 'the same';
  } catch (error) {
    return (error as Error).message;
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function sums(files: Readonly<Record<string, Buffer>>): Buffer {
  const lines = Object.entries(files).map(([name, content]) => {
    return `${createHash('sha256').update(content).digest('hex')}  ${name}\n`;
  });
  return Buffer.from(lines.join(''));
}

const archiveName = `node-v${nodeVersion}-linux-x64.tar.gz`;

test('the Node of nodejs.org is accepted, another one is not', async () => {
  const archive = archiveOf(published);
  const release = { [archiveName]: archive, 'SHASUMS256.txt': sums({ [archiveName]: archive }) };
  assert.is(await compared(published, linux, release), 'the same');
  assert.match(await compared(other, linux, release), /the Node of mq-linux-x64 is not the one in/);
});

test('an archive that SHASUMS256.txt does not have is refused', async () => {
  const archive = archiveOf(published);
  const wrong = { [archiveName]: archive, 'SHASUMS256.txt': sums({ [archiveName]: other }) };
  assert.match(await compared(published, linux, wrong), /is not the one of .*SHASUMS256\.txt/);
  const missing = { [archiveName]: archive, 'SHASUMS256.txt': sums({ other }) };
  assert.match(await compared(published, linux, missing), /SHASUMS256\.txt has no node-v/);
  assert.match(await compared(published, linux, {}), /cannot download .*SHASUMS256\.txt: 404/);
});

test('the Node of Windows has a checksum of its own', async () => {
  const release = { 'SHASUMS256.txt': sums({ 'win-x64/node.exe': published }) };
  assert.is(await compared(published, windows, release), 'the same');
  assert.match(await compared(other, windows, release), /is not the one of/);
});

test.run();
