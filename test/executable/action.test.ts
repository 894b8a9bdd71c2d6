// Runs the scripts of the GitHub action as the action does, with its inputs in the environment. The releases are on a
// server that the test starts.

import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { skip } from '../../src/harness/test-file/skip.ts';
import { actionFolder as folder, actionScript as script } from '../support/action-script.ts';

/** A script that is used in place of mq and prints its arguments. */
const fakeMq = '#!/bin/sh\nfor word in "$@"; do printf "<%s>" "$word"; done\necho\nexit "${STATUS:-0}"\n';

const action = suite<{ cwd: string }>('the action mq-test');
action.before(() => {
  if (process.platform === 'win32') skip('needs bash');
});
action.before.each((context) => {
  context.cwd = mkdtempSync(join(tmpdir(), 'mq-action-'));
});
action.after.each(({ cwd }) => rmSync(cwd, { recursive: true }));

action('the scripts use every input and variable of action.yml', () => {
  const text = readFileSync(join(folder, 'action.yml'), 'utf8');
  const found = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].sort();
  const [inputs] = text.split('\noutputs:');
  const declared = [...(inputs ?? '').matchAll(/^ {2}'?([a-z-]+)'?:$/gm)].map(([, name = '']) => name);
  assert.equal(found(/\$\{\{ inputs\.([a-z-]+) \}\}/g), declared.sort());
  const scripts = ['install', 'run', 'plan'].map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  const given = found(/^ {8}([A-Z_]+):/gm);
  const unused = given.filter((name) => !new RegExp(`\\$\\{?${name}\\b`).test(scripts) && !text.includes(`"$${name}/`));
  assert.equal(unused, []);
});

action('install downloads the release of the tag and checks its checksum', async ({ cwd }) => {
  await withRelease({ 'mq-linux-x64': fakeMq, SHA256SUMS: sums('mq-linux-x64', fakeMq) }, async (server, asked) => {
    const ended = await script('install', cwd, { ...server, ACTION_REF: 'v1.2.3' });
    assert.equal([ended.status, ended.stdout], [0, '<--version>\n']);
    assert.match(ended.output, /^mq=.*\/mq-linux-x64\n$/);
    assert.equal(asked, ['/me/mq/releases/download/v1.2.3/mq-linux-x64', '/me/mq/releases/download/v1.2.3/SHA256SUMS']);
  });
});

action('install refuses a wrong checksum and a missing release', async ({ cwd }) => {
  const other = { 'mq-linux-x64': `${fakeMq}# other\n`, SHA256SUMS: sums('mq-linux-x64', fakeMq) };
  await withRelease(other, async (server) => {
    const ended = await script('install', cwd, { ...server, INPUT_VERSION: 'v1.2.3' });
    assert.equal([ended.status, ended.output], [1, '']);
    assert.match(
      ended.stdout,
      /^::error title=mq test::mq-linux-x64 of the release v1\.2\.3 does not match SHA256SUMS\n$/,
    );
  });
  await withRelease({ 'mq-linux-x64': fakeMq, SHA256SUMS: sums('mq-linux-arm64', fakeMq) }, async (server) => {
    assert.is((await script('install', cwd, { ...server, INPUT_VERSION: 'v1.2.3' })).status, 1);
  });
  await withRelease({}, async (server) => {
    const ended = await script('install', cwd, { ...server, INPUT_VERSION: 'v9.9.9' });
    assert.is(ended.status, 1);
    assert.match(ended.stdout, /cannot download mq-linux-x64 of the release v9\.9\.9 of me\/mq/);
  });
});

action('install uses an executable of the repository', async ({ cwd }) => {
  writeFileSync(join(cwd, 'mq'), fakeMq);
  assert.is((await script('install', cwd, { INPUT_EXECUTABLE: './mq' })).status, 1);
  chmodSync(join(cwd, 'mq'), 0o755);
  const ended = await script('install', cwd, { INPUT_EXECUTABLE: './mq', ACTION_REF: 'v1.2.3' });
  assert.is(ended.status, 0);
  assert.match(ended.output, /^mq=.*\/mq\n$/);
});

action('install refuses an unknown mode', async ({ cwd }) => {
  const ended = await script('install', cwd, { INPUT_MODE: 'apply' });
  assert.equal(
    [ended.status, ended.stdout],
    [1, "::error title=mq test::the input mode must be test or plan, not 'apply'\n"],
  );
});

action('run passes each input to mq as an argument and ends with its status', async ({ cwd }) => {
  const mq = join(cwd, 'mq');
  writeFileSync(mq, fakeMq, { mode: 0o755 });
  const inputs = {
    MQ: mq,
    INPUT_ON: 'cluster',
    INPUT_FILES: '',
    INPUT_NODES: '',
    INPUT_IMAGE: '',
    INPUT_ARGUMENTS: '',
  };
  const plain = await script('run', cwd, { ...inputs, INPUT_JUNIT: '' });
  assert.equal([plain.status, plain.stdout, plain.output], [0, '<test><--on=cluster><--report><github><-->\n', '']);
  const full = await script('run', cwd, {
    ...inputs,
    STATUS: '1',
    INPUT_FILES: 'a b.test.ts\n\n$(touch evil)\n--self\n',
    INPUT_NODES: '1',
    INPUT_IMAGE: 'rabbitmq:4',
    INPUT_ARGUMENTS: '--filter\npays; ls',
    INPUT_JUNIT: 'out/x.xml',
  });
  assert.equal(
    [full.status, full.stdout],
    [
      1,
      '<test><--on=cluster><--report><github><--report=junit=out/x.xml><--nodes=1><--image=rabbitmq:4><--filter><pays; ls><--><a b.test.ts><$(touch evil)><--self>\n',
    ],
  );
  assert.match(full.output, /^junit=\/.*\/out\/x\.xml\n$/);
});

action.run();

function sums(file: string, content: string): string {
  return `${'0'.repeat(64)}  other\n${createHash('sha256').update(content).digest('hex')}  ${file}\n`;
}

/** Serves the files of a release for any tag. */
async function withRelease(
  files: Record<string, string>,
  use: (env: Record<string, string>, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const content = files[url.split('/').at(-1) ?? ''];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  try {
    await use({ GITHUB_SERVER_URL: `http://127.0.0.1:${port}`, ACTION_REPOSITORY: 'me/mq' }, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
