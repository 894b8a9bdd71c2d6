// Builds one executable: pkg inserts the start file and the pieces into a Node binary of the platform (a single
// executable application of Node). It downloads only npm packages.

import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bundleWhole } from './bundle.ts';
import { codeCaches } from './code-cache.ts';
import { copyBinary } from './node-package.ts';
import type { Pieces } from './pieces.ts';
import { type BinaryPackage, generators, isThis, type Platform } from './platforms.ts';
import { joinedName, scriptsOf } from './scripts.ts';

const root = dirname(dirname(import.meta.dirname));

type Sea = (entry: string, options: SeaOptions) => Promise<void>;
interface SeaOptions {
  targets: { nodeRange: string; platform: string; arch: string; output: string }[];
  nodePath?: string;
  /** Signs for macOS if codesign or ldid is installed, because arm64 does not run unsigned binaries. */
  signature: boolean;
  seaConfig: Record<string, unknown>;
}

/** Builds the executable `output` of a platform from the pieces and returns its path. */
export async function makeExecutable(given: { platform: Platform; pieces: Pieces; output: string }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mq-build-'));
  try {
    await makeIn({ ...given, folder });
  } finally {
    await rm(folder, { recursive: true });
  }
  return given.output;
}

async function makeIn(given: { platform: Platform; pieces: Pieces; output: string; folder: string }): Promise<void> {
  const { platform, pieces, output, folder } = given;
  const own = isThis(platform);
  const entry = join(folder, 'start.js');
  const addOn = await addOnOf(platform, folder);
  await writeFile(entry, await bundleWhole(join(import.meta.dirname, 'start.ts')));
  const options: SeaOptions = {
    targets: [{ nodeRange: `node${platform.node.version}`, platform: platform.os, arch: platform.arch, output }],
    signature: true,
    seaConfig: {
      assets: {
        ...(await writeAssets({ folder, pieces, caches: own ? await codeCaches(pieces) : new Map() })),
        ...(addOn && { 'koffi.node': addOn }),
      },
      useCodeCache: own,
      // With another value, NODE_OPTIONS=--require would run foreign code inside mq.
      execArgvExtension: 'none',
      // By default V8 lets the space for young objects grow to 96 MB under load, but mq needs far less at a time.
      execArgv: ['--max-semi-space-size=16'],
    },
  };
  if (own) options.nodePath = await stripped(process.execPath, join(folder, 'node'));
  else await fillCacheOfPkg({ platform, home: folder });
  await rm(output, { force: true }); // a running executable cannot be overwritten
  await runPkg({ entry, options, home: folder });
  await chmod(output, 0o755);
}

/** Runs pkg with a temporary home folder, because pkg keeps its cache there. */
async function runPkg({ entry, options, home }: { entry: string; options: SeaOptions; home: string }): Promise<void> {
  const sea: Sea = createRequire(import.meta.url)('@yao-pkg/pkg/lib-es5/sea.js').default;
  const { HOME } = process.env;
  process.env['HOME'] = home;
  try {
    await sea(entry, options);
  } finally {
    if (HOME === undefined) delete process.env['HOME'];
    else process.env['HOME'] = HOME;
  }
}

/** Writes the assets and returns pkg's table of them: file by name. */
async function writeAssets(given: { folder: string; pieces: Pieces; caches: ReadonlyMap<string, Uint8Array> }) {
  const assets: Record<string, string> = {};
  const { sources, joined } = scriptsOf(given.pieces);
  const named = [
    ...sources,
    ...[...given.caches].map(([name, cache]) => [`${name}.cache`, cache] as const),
    [joinedName, JSON.stringify(joined)] as const,
  ];
  for (const [name, content] of named) {
    const file = join(given.folder, name);
    await writeFile(file, content);
    assets[name] = file;
  }
  return assets;
}

/** Returns the file of the platform's add-on. npm has installed that of this machine. */
async function addOnOf(platform: Platform, folder: string): Promise<string | undefined> {
  if (!platform.addOn) return undefined;
  const { name, binary } = platform.addOn;
  if (isThis(platform)) return join(root, 'node_modules', name, binary);
  const file = join(folder, 'koffi.node');
  await copyBinary(platform.addOn, file);
  return file;
}

/** Removes the symbols of a Linux binary (18 MB) if `strip` is installed. */
async function stripped(binary: string, output: string): Promise<string> {
  if (process.platform !== 'linux') return binary;
  try {
    await promisify(execFile)('strip', ['-o', output, binary]);
    return output;
  } catch {
    return binary;
  }
}

/**
 * Puts the platform's Node, and a local one of the same version, into pkg's cache, so that pkg does not download them.
 */
async function fillCacheOfPkg({ platform, home }: { platform: Platform; home: string }): Promise<void> {
  const cache = join(home, '.pkg-cache', 'sea');
  const { version } = platform.node;
  await put(platform.node, { os: platform.os === 'macos' ? 'darwin' : platform.os, arch: platform.arch });
  const generator = generators.find((node) => node.version === version);
  if (generator) await put(generator, { os: 'linux', arch: 'x64' });

  async function put(node: BinaryPackage, { os, arch }: { os: string; arch: string }): Promise<void> {
    const name = `node-v${version}-${os}-${arch}`;
    const binary = os === 'win' ? join(cache, `${name}.exe`) : join(cache, name, 'bin', 'node');
    const archive = join(cache, `${name}${os === 'win' ? '.zip' : '.tar.gz'}`);
    await mkdir(dirname(binary), { recursive: true });
    await copyBinary(node, binary);
    for (const file of [archive, `${archive}.ok`, `${binary}.ok`]) await writeFile(file, '');
  }
}
