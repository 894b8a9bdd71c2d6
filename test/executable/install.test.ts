// Runs .github/install.sh in every installed shell, with a release on a server or in a folder. Also runs the npm
// package.

import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle } from '../../src/build/bundle.ts';
import { makeNpmPackage } from '../../src/build/npm-package.ts';
import { skip } from '../../src/harness/test-file/skip.ts';
import { emptyFolder } from '../support/mq.ts';

const root = resolve(import.meta.dirname, '../..');
const script = join(root, '.github/install.sh');
const shells: readonly (readonly string[])[] = [['dash'], ['busybox', 'sh'], ['bash', '--posix']];
const file = `mq-${process.platform === 'darwin' ? 'macos' : 'linux'}-${process.arch}`;
const fakeMq = '#!/bin/sh\necho mq 1.2.3\n';

const install = suite('install.sh');
install.before(() => {
  if (process.platform === 'win32') skip('needs a POSIX shell');
});

install('installs the latest release or a version after it checks the checksum', async () => {
  for (const shell of shellsHere()) {
    await withRelease(release(), async (address, asked) => {
      const dir = join(emptyFolder(), 'a b', 'bin');
      const latest = await run(shell, ['--dir', dir], { MQ_RELEASES: address });
      assert.equal([latest.status, latest.stdout], [0, `installed mq 1.2.3 as ${dir}/mq\n`], latest.stderr);
      assert.match(latest.stderr, `hint: the folder is not in PATH: export PATH="${dir}:$PATH"`);
      const older = await run(shell, ['--version', '1.2.3', '--dir', dir], {
        MQ_RELEASES: address,
        PATH: `${dir}:${path}`,
      });
      assert.is(older.status, 0, older.stderr);
      assert.not.match(older.stderr, 'PATH');
      assert.equal(readdirSync(dir), ['mq']);
      assert.is(spawnSync(join(dir, 'mq')).stdout.toString(), 'mq 1.2.3\n');
      assert.equal(asked, [
        '/latest/download/SHA256SUMS',
        `/latest/download/${file}`,
        '/download/v1.2.3/SHA256SUMS',
        `/download/v1.2.3/${file}`,
      ]);
    });
  }
});

install('installs from a folder, and replaces an mq that is running', async () => {
  for (const shell of shellsHere()) {
    const from = emptyFolder(release());
    const home = emptyFolder();
    const { status, stdout, stderr } = await run(shell, ['--from', from], { HOME: home });
    assert.equal([status, stdout], [0, `installed mq 1.2.3 as ${home}/.local/bin/mq\n`], stderr);
    assert.is((await run(shell, ['--from', from], { HOME: home })).status, 0);
    const other = await run(shell, ['--from', from, '--version', '1.0.0'], { HOME: home });
    assert.is(other.status, 65, other.stderr);
    assert.match(other.stderr, 'install: this is mq 1.2.3, not 1.0.0\n');
    const taken = emptyFolder();
    mkdirSync(join(taken, 'mq'));
    assert.is((await run(shell, ['--from', from, '--dir', taken], { HOME: home })).status, 73);
  }
});

install('refuses a file with a wrong checksum, and a file that does not run', async () => {
  for (const shell of shellsHere()) {
    const cases: [Record<string, string>, number, RegExp][] = [
      [
        { ...release(), [file]: `${fakeMq}# other\n` },
        65,
        /does not match SHA256SUMS; nothing was installed\nhint: its checksum is /,
      ],
      [{ ...release(), SHA256SUMS: `${'0'.repeat(64)}  other\n` }, 65, /SHA256SUMS has no line for mq-/],
      [
        release('#!/bin/sh\necho no library >&2; exit 127\n'),
        71,
        /does not run here: no library\nhint: it needs glibc/,
      ],
      [{ SHA256SUMS: '' }, 66, /has no mq-/],
    ];
    for (const [files, status, says] of cases) {
      const dir = emptyFolder({ mq: 'the old one' });
      const ended = await run(shell, ['--from', emptyFolder(files), '--dir', dir]);
      assert.is(ended.status, status, ended.stderr);
      assert.match(ended.stderr, says);
      assert.equal([readdirSync(dir), readFileSync(join(dir, 'mq'), 'utf8')], [['mq'], 'the old one']);
    }
  }
});

install('refuses wrong options with a line, a hint and a status', async () => {
  const taken = join(emptyFolder({ file: '' }), 'file');
  for (const shell of shellsHere()) {
    const cases: [string[], number, string][] = [
      [['--prefix', '/x'], 64, 'unknown option --prefix\nhint: install.sh --help\n'],
      [['--dir'], 64, '--dir requires a value\n'],
      [['--version', 'latest;rm'], 64, "a version is written v0.1.0, not 'latest;rm'\n"],
      [['--version', '1.0/../..'], 64, "a version is written v0.1.0, not 'v1.0/../..'\n"],
      [['--dir', emptyFolder()], 64, 'no repository is given\n'],
      [['--dir', join(taken, 'bin')], 73, `cannot make the folder ${taken}/bin\n`],
      [['--from', '/nowhere', '--dir', emptyFolder()], 66, 'no such folder: /nowhere\n'],
    ];
    for (const [args, status, says] of cases) {
      const ended = await run(shell, args);
      assert.is(ended.status, status, ended.stderr);
      assert.ok(ended.stderr.startsWith(`install: ${says}`), ended.stderr);
    }
    await withRelease({}, async (address) => {
      const ended = await run(shell, ['--dir', emptyFolder(), '--version', 'v9.9.9'], { MQ_RELEASES: address });
      assert.is(ended.status, 69, ended.stderr);
      assert.match(
        ended.stderr,
        `install: cannot download ${address}/download/v9.9.9/SHA256SUMS\nhint: check the version`,
      );
    });
  }
});

install('downloads only over HTTPS, and gh verifies the attestation', async () => {
  // Scripts in place of curl and gh record their arguments. The curl script copies the release instead of downloading
  // it.
  const from = emptyFolder(release());
  const copy = `while [ "$1" != --output ]; do shift; done; cp "${from}/\${3##*/}" "$2"`;
  const curl = `#!/bin/sh\necho "$*" >>"$0.log"\n${copy}\n`;
  for (const shell of shellsHere()) {
    for (const [status, login, exit] of [
      [0, 0, 0],
      [1, 0, 65],
      [1, 1, 0],
    ]) {
      const gh = `#!/bin/sh\necho "$*" >>"$0.log"\ncase $1 in auth) exit ${login} ;; *) echo not verified; exit ${status} ;; esac\n`;
      const bin = emptyFolder({ curl, gh });
      for (const name of ['curl', 'gh']) chmodSync(join(bin, name), 0o755);
      const dir = emptyFolder();
      const ended = await run(shell, ['--repository', 'me/mq', '--dir', dir], { PATH: `${bin}:${path}` });
      assert.is(ended.status, exit, ended.stderr);
      assert.equal(readdirSync(dir), exit === 0 ? ['mq'] : []);
      const log = (name: string) =>
        readFileSync(join(bin, `${name}.log`), 'utf8')
          .trim()
          .split('\n');
      assert.ok(log('curl').every((line) => line.startsWith('--proto =https --fail ')));
      assert.is(log('curl').length, 2);
      if (login === 0) assert.match(log('gh')[1] ?? '', /^attestation verify \S+ --repo me\/mq$/);
      else assert.match(ended.stderr, 'only the checksum was verified');
    }
  }
});

install('a truncated script runs no command', async () => {
  const home = emptyFolder();
  const half = join(emptyFolder({ 'half.sh': readFileSync(script, 'utf8').slice(0, -20) }), 'half.sh');
  await run(['dash'], ['--from', emptyFolder(release())], { HOME: home }, half);
  assert.not(existsSync(join(home, '.local')));
});

install('the npm package runs mq in the installed Node', async () => {
  const output = emptyFolder();
  const { pieces } = await bundle({ entry: join(root, 'src/main.ts'), root });
  const tarball = await makeNpmPackage({ root, pieces, output });
  await promisify(execFile)('tar', ['-xzf', tarball, '-C', output]);
  const entry = join(output, 'package/mq.js');
  const version = await promisify(execFile)(process.env['MQ_TEST_NODE'] ?? 'node', [entry, '--version']);
  assert.is(version.stdout, `mq ${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}\n`);
  const tests = emptyFolder({
    'it.test.ts':
      "import { assert, publish, expectMessage, test } from 'mq/test';\ntest('a task arrives', async () => { await publish('task', 'x'); assert.ok(await expectMessage('task')); });\n",
  });
  const { stdout } = await promisify(execFile)(process.env['MQ_TEST_NODE'] ?? 'node', [entry, 'test'], { cwd: tests });
  assert.match(stdout, /1 passed/);
  // Like the executable, the package prints no warning about experimental features of Node.
  const wrong = emptyFolder({ 'wrong.ts': 'export default (): void => {\n  let a = 1; let a = 2;\n};\n' });
  const node = process.env['MQ_TEST_NODE'] ?? 'node';
  const { status, stderr } = spawnSync(node, [entry, 'worker', '--handler', 'wrong.ts'], {
    cwd: wrong,
    encoding: 'utf8',
  });
  assert.match(stderr, 'wrong.ts:2:18');
  assert.not.match(stderr, 'ExperimentalWarning');
  assert.not.equal(status, 0);
});

install.run();

const path = process.env['PATH'] ?? '';

function shellsHere(): (readonly string[])[] {
  const here = shells.filter(([name = '']) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0);
  if (here.length < shells.length && process.env['CI'] === 'true' && process.platform === 'linux')
    throw new Error('dash, busybox and bash must be here');
  return here;
}

function release(content = fakeMq): Record<string, string> {
  const sum = createHash('sha256').update(content).digest('hex');
  return { [file]: content, SHA256SUMS: `${'0'.repeat(64)}  mq-other\n${sum}  ${file}\n` };
}

interface Ended {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  shell: readonly string[],
  args: readonly string[],
  env: Record<string, string> = {},
  name = script,
): Promise<Ended> {
  const [command = '', ...options] = shell;
  const HOME = emptyFolder();
  mkdirSync(join(HOME, 'work'));
  return new Promise((done) => {
    const settings = { cwd: join(HOME, 'work'), env: { PATH: path, HOME, ...env }, timeout: 60_000 };
    execFile(command, [...options, name, ...args], settings, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
      done({ status, stdout, stderr });
    });
  });
}

async function withRelease(
  files: Record<string, string>,
  use: (address: string, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const content = files[url.split('/').at(-1) ?? ''];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
