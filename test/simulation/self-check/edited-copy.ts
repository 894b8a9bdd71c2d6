// Runs the simulation over edited sources: copies the sources and the simulation to a folder, edits them there, and starts
// its run.ts.

import { execFile } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Edit, edited } from '../../faults/broken-build.ts';
import { emptyFolder } from '../../support/mq.ts';
import { node } from '../../support/node.ts';

const root = resolve(import.meta.dirname, '../../..');
const copied = [
  'src',
  'test/simulation',
  'test/support',
  'test/faults',
  'package.json',
  'rascal.json',
  'tsconfig.json',
];

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Folder of mq with the simulation. Default: this one. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds after which the simulation is killed. Default: no limit. */
  readonly limitMs?: number;
}

/** Runs `npm run simulate` with these arguments. A killed simulation has the status 137. */
export function simulate(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return runFile('run.ts', args, options);
}

/** Runs a file of test/simulation in a process of Node. */
export function runFile(
  file: string,
  args: readonly string[],
  { folder = root, env, cwd, limitMs }: RunOptions = {},
): Promise<Ran> {
  return new Promise((done) => {
    execFile(
      node,
      [join(folder, 'test/simulation', file), ...args],
      {
        // Each start loads hundreds of files. The cache saves half of this time.
        env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'node_modules/.cache/simulation'), ...env },
        ...{ cwd, timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 28 },
      },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 137;
        done({ status, stdout, stderr });
      },
    );
  });
}

/** Calls `use` with a folder that contains a copy of the sources. */
export async function withCopy<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = emptyFolder();
  try {
    for (const path of copied) cpSync(join(root, path), join(folder, path), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Calls `use` while the sources in the folder have these edits. */
export async function withEdits<T>(folder: string, edits: readonly Edit[], use: () => Promise<T>): Promise<T> {
  const pathOf = ([file]: Edit) => join(folder, 'src', file);
  const originals = new Map(edits.map((edit) => [pathOf(edit), readFileSync(pathOf(edit), 'utf8')]));
  try {
    for (const edit of edits) writeFileSync(pathOf(edit), edited(readFileSync(pathOf(edit), 'utf8'), edit));
    return await use();
  } finally {
    for (const [path, source] of originals) writeFileSync(path, source);
  }
}
