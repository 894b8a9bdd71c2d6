// Tests the results of src/build: dist/mq (`npm run build` creates it), the bundle, and the launcher.

import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commonJs } from '../../src/build/bundle/commonjs.ts';
import { bundle } from '../../src/build/bundle.ts';
import { codeCaches } from '../../src/build/code-cache.ts';
import { usedFunctions } from '../../src/build/lazy-modules.ts';
import { mainPiece, openPieces } from '../../src/build/pieces.ts';
import { platforms } from '../../src/build/platforms.ts';
import { librariesOf, packagesOf } from '../../src/build/sbom.ts';
import { scriptsOf, sourceOf } from '../../src/build/scripts.ts';
import { node } from '../support/node.ts';

const root = dirname(dirname(import.meta.dirname));
const executable = join(root, 'dist', process.platform === 'win32' ? 'mq.exe' : 'mq');
const launcher = join(root, 'src', 'build', 'node24.js');
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  return new Promise<Ended>((resolve, reject) => {
    execFile(file, args, { timeout: 60_000, ...options }, (error, stdout, stderr) => {
      const status = error ? error.code : 0;
      if (typeof status === 'number') resolve({ status, stdout, stderr });
      else reject(error);
    });
  });
}

async function inFolder(files: Record<string, string>, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mq-test-'));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const versionOnly: Ended = { status: 0, stdout: `mq ${version}\n`, stderr: '' };

test('the executable runs with an empty folder and environment', async () => {
  await inFolder({}, async (cwd) => {
    assert.equal(await run(executable, ['--version'], { cwd, env: {} }), versionOnly);
  });
});

test('the executable contains the pages of the documentation', async () => {
  const stdout = await readFile(join(root, '.github/docs/publishing.md'), 'utf8');
  assert.equal(await run(executable, ['help', 'publishing']), { status: 0, stdout, stderr: '' });
});

// Node 26.10.0 from npm also needs libatomic.so.1, which Debian's and RabbitMQ's images do not have.
test('the Linux executable needs only glibc and libstdc++', async () => {
  if (process.platform !== 'linux') return;
  const { stdout } = await run('ldd', [executable]);
  const names = [...stdout.matchAll(/^\s*(?:\/lib64\/)?(\w[\w+-]*)\.so/gm)].map(([, name = '']) => name);
  const usual = ['linux-vdso', 'libc', 'libdl', 'libgcc_s', 'libm', 'libpthread', 'libstdc++', 'ld-linux-x86-64'];
  assert.equal(
    names.filter((name) => !usual.includes(name)),
    [],
  );
  assert.ok(names.includes('libc'), stdout);
});

test('NODE_OPTIONS does not load code into the executable', async () => {
  await inFolder({ 'evil.cjs': `require('fs').writeFileSync(__dirname + '/ran', '')` }, async (cwd) => {
    const env = { NODE_OPTIONS: `--require ${join(cwd, 'evil.cjs')}` };
    assert.equal(await run(executable, ['--version'], { cwd, env }), versionOnly);
    assert.not(await exists(join(cwd, 'ran')));
    // Node itself loads this code, which shows that the test can fail.
    await run(node, ['-e', '0'], { cwd, env });
    assert.ok(await exists(join(cwd, 'ran')));
  });
});

test('the executable ignores an unknown option in NODE_OPTIONS', async () => {
  assert.equal(await run(executable, ['--version'], { env: { NODE_OPTIONS: '--no-such-option' } }), versionOnly);
});

test('two chunks share a class, and a chunk runs only when it is imported', async () => {
  const files = {
    'package.json': '{ "type": "module" }',
    'fault.ts': 'export class Fault extends Error {}',
    'first.ts': `import { Fault } from './fault.ts'; log.push('first'); export const fault = new Fault('first');`,
    'second.ts': `import { Fault } from './fault.ts'; log.push('second'); export const isFault = (x) => x instanceof Fault;`,
    'main.ts': `export const first = () => import('./first.ts'); export const second = () => import('./second.ts');`,
  };
  await inFolder(files, async (root) => {
    const log: string[] = [];
    Object.assign(globalThis, { log });
    const main = await open<{ first(): Promise<{ fault: Error }>; second(): Promise<Second> }>(root);
    assert.equal(log, []);
    const { fault } = await main.first();
    assert.equal(log, ['first']);
    assert.ok((await main.second()).isFault(fault));
    assert.not((await main.second()).isFault(new Error()));
  });
});

interface Second {
  isFault(value: unknown): boolean;
}

test('a chunk imports a file of the user from disk', async () => {
  const files = {
    'package.json': '{ "type": "module" }',
    'main.ts': 'export const load = (file) => import(file);',
    'theirs.mts': 'await undefined; export const answer: number = 42;',
  };
  await inFolder(files, async (root) => {
    const main = await open<{ load(file: string): Promise<{ answer: number }> }>(root);
    assert.is((await main.load(pathToFileURL(join(root, 'theirs.mts')).href)).answer, 42);
  });
});

test('another process accepts the code caches', async () => {
  const { pieces } = await bundle({ entry: join(root, 'src', 'main.ts'), root });
  const caches = await codeCaches(pieces);
  const { sources } = scriptsOf(pieces);
  assert.equal(new Set(caches.keys()), new Set(sources.keys()));
  await inFolder(Object.fromEntries(sources), async (folder) => {
    for (const [name, cache] of caches) await writeFile(join(folder, `${name}.cache`), cache);
    const script = `
      const { readFileSync, readdirSync } = require('fs');
      const rejected = readdirSync('.').filter((name) => name.endsWith('.js')).filter((name) =>
        new vm.Script(readFileSync(name, 'utf8'), { cachedData: readFileSync(name + '.cache') }).cachedDataRejected);
      console.log(rejected.join(' '));`;
    assert.equal(await run(node, ['--max-semi-space-size=16', '-e', script], { cwd: folder }), {
      status: 0,
      stdout: '\n',
      stderr: '',
    });
  });
});

test('commands load one script for the pieces that they always need', async () => {
  const { pieces } = await bundle({ entry: join(root, 'src', 'main.ts'), root });
  const { sources, joined } = scriptsOf(pieces);
  const entries = ['cli', 'consume', 'load', 'main', 'publish', 'session'];
  assert.equal([...new Set(Object.values(joined))].map((name) => name.replace(/(-\w+)?\.js$/, '')).sort(), entries);
  for (const [piece, script] of Object.entries(joined))
    assert.ok(sources.get(script)?.includes(`"${piece}":function`), piece);
  const others = [...pieces.keys()].filter((name) => joined[name] === undefined);
  assert.is(sources.size, entries.length + others.length);
});

test('imports and exports of a module become CommonJS', () => {
  const source = 'import{a,b as c}from"./x.js";import"./y.js";var d=1;d===1;export{d as default,e};\n';
  const converted =
    '"use strict";const{a,b:c}=require("./x.js");require("./y.js");var d=1;d===1;module.exports={default:d,e};';
  assert.is(commonJs(source), converted);
  for (const change of ['d=2', 'd+=1', 'd++', '--d', 'd??=2'])
    assert.throws(
      () => commonJs(`var d=1;function f(){${change}}export{d};`),
      'an importer would not see that d changes',
    );
  assert.throws(() => commonJs('var d;function f(){d=1}export{d};'), 'an importer would not see that d changes');
  assert.match(commonJs('var c,d=1;export{d};'), /module\.exports={d};$/);
});

test('a warning of esbuild fails the build', async () => {
  const files = { 'package.json': '{ "type": "module" }', 'main.ts': 'export const here = import.meta.url;' };
  await inFolder(files, async (root) => {
    let thrown: unknown;
    await bundle({ entry: join(root, 'main.ts'), root }).catch((error: unknown) => {
      thrown = error;
    });
    assert.match(String(thrown), /esbuild warns:\nmain\.js:1: "import\.meta" is not available/);
  });
});

test('the lockfile pins the Node binary and the add-on of every platform', async () => {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lockfile;
  for (const binary of platforms.flatMap(({ node, addOn }) => (addOn ? [node, addOn] : [node]))) {
    const { version, integrity } = lock.packages[`node_modules/${binary.name}`] ?? {};
    assert.equal({ version, integrity }, { version: binary.version, integrity: binary.integrity }, binary.name);
  }
});

interface Lockfile {
  packages: Record<string, { version: string; integrity: string }>;
}

test('node24.js passes arguments and exit status through', async () => {
  await inFolder(
    { 'it.mts': 'const [word]: string[] = process.argv.slice(2); console.log(word); process.exit(75);' },
    async (cwd) => {
      const ended = await run(node, [launcher, join(cwd, 'it.mts'), '--word']);
      assert.equal(ended, { status: 75, stdout: '--word\n', stderr: '' });
    },
  );
});

async function open<Main>(root: string): Promise<Main> {
  const { pieces } = await bundle({ entry: join(root, 'main.ts'), root });
  const load = openPieces({
    ...sourceOf(scriptsOf(pieces)),
    codeCache: () => undefined,
    builtin: createRequire(import.meta.url),
  });
  return load(mainPiece) as Main;
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}

test('the bill of materials lists exactly the packages of the bundle', async () => {
  const { pieces, files } = await bundle({ entry: join(root, 'src', 'main.ts'), root });
  const found = await packagesOf(files, root);
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; dev?: boolean; name?: string }>;
  };
  const locked = Object.entries(lock.packages).map(([path, { version, dev }]) => {
    return { name: path.replace(/^.*node_modules\//, ''), version, dev };
  });
  for (const { name, version, purl } of found) {
    const entries = locked.filter((one) => one.name === name && one.version === version);
    assert.ok(
      entries.some(({ dev }) => !dev),
      `${name}@${version} is a production package`,
    );
    assert.is(purl, `pkg:npm/${name.replace('@', '%40')}@${version}`);
  }
  const names = found.map(({ name }) => name);
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) assert.ok(names.includes(name), name);
  // The bundle contains an empty module in place of each of these.
  for (const name of ['ssh2', '@grpc/grpc-js', 'protobufjs', 'docker-compose']) assert.not(names.includes(name), name);
  // esbuild writes the path of each CommonJS file at its wrapper function.
  const wrapped = [...[...pieces.values()].join('').matchAll(/"node_modules\/((?:@[^/"]+\/)?[^/"]+)\/[^"]*"\(/g)];
  for (const [, name = ''] of wrapped) assert.ok(names.includes(name), name);
});

test('the bundle has every function of Lodash and async that Rascal calls', () => {
  const sources = globSync('node_modules/rascal/lib/**/*.js', { cwd: root }).filter(
    (file) => !file.endsWith('config/tests.js'),
  );
  const text = sources.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  const called = (pattern: RegExp, part = text) => [...part.matchAll(pattern)].map(([, name = '']) => name);
  const chains = [...text.matchAll(/\b_(?:\.chain)?\(.*?\.value\(\)/gs)].map(([chain]) => chain);
  const ofLodash = [...called(/\b_\.(\w+)/g), ...chains.flatMap((chain) => called(/\.(\w+)\(/g, chain))];
  const sorted = (names: readonly string[]) => [...new Set(names)].toSorted();
  assert.equal(sorted(ofLodash.filter((name) => !['chain', 'value'].includes(name))), sorted(usedFunctions.lodash));
  assert.equal(sorted(called(/\basync\.(\w+)/g)), sorted(usedFunctions.async));
});

test('the bill of materials lists the libraries of Node', () => {
  const names = librariesOf(process.versions as Record<string, string>, 'pkg:generic/node@1').map(({ name }) => name);
  for (const name of ['v8', 'uv', 'openssl', 'zlib']) assert.ok(names.includes(name), name);
  assert.not(names.includes('node'));
});

test.run();
