// Replaces functions of node:fs for the files of simulated processes, which store the offsets of streams. Other files stay those of
// the machine. A file keeps what a process has written when the process is killed. Nothing waits for the machine, because virtual
// time would pass.

import fs from 'node:fs';
import type { World } from './world.ts';

/** The folder of the files that are simulated. */
export const simulatedFolder = '/simulated';
const firstDescriptor = 1_000_000;
const device = 1;

interface SimulatedFile {
  readonly inode: number;
  bytes: Buffer;
}

class Files {
  readonly #files = new Map<string, SimulatedFile>();
  readonly #open = new Map<number, SimulatedFile>();

  /** Returns a descriptor of the file. */
  open(path: string, flags: unknown): number {
    const isFolder = path === simulatedFolder;
    let file = this.#files.get(path);
    if (file === undefined) {
      const mayCreate = typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0;
      if (!mayCreate && !isFolder) throw noFile(path);
      file = { inode: this.#files.size + 1, bytes: Buffer.alloc(0) };
      this.#files.set(path, file);
    }
    const descriptor = firstDescriptor + this.#open.size;
    this.#open.set(descriptor, file);
    return descriptor;
  }

  stat(path: string): unknown {
    const file = this.#files.get(path);
    if (file === undefined) throw noFile(path);
    return statOf(file);
  }

  at(descriptor: number): SimulatedFile {
    const file = this.#open.get(descriptor);
    if (file === undefined) throw Object.assign(new Error('EBADF'), { code: 'EBADF' });
    return file;
  }
}

const filesOf = new WeakMap<World, Files>();

/** Replaces the functions. `current` returns the world in force, if there is one. */
export function replaceFiles(current: () => World | undefined): void {
  const { stat } = fs.promises;
  const { statSync, openSync, closeSync, readSync, writeSync, fstatSync, fsyncSync, fdatasync, realpathSync } = fs;
  const isOurs = (path: unknown): path is string => String(path).startsWith(simulatedFolder);
  const files = () => {
    const world = current();
    if (world === undefined) throw new Error('a simulated file is used outside a simulation');
    const all = filesOf.get(world) ?? new Files();
    filesOf.set(world, all);
    return { world, all };
  };
  /** Calls the original, unless the descriptor is that of a simulated file. */
  const unlessOurs = <A extends readonly unknown[], R>(
    original: (descriptor: number, ...args: A) => R,
    ours: (descriptor: number, ...args: A) => R,
  ) => {
    return (descriptor: number, ...args: A) =>
      descriptor >= firstDescriptor ? ours(descriptor, ...args) : original(descriptor, ...args);
  };
  Object.assign(fs.promises, {
    stat: async (path: string, options: never) => {
      if (isOurs(path)) return files().all.stat(path);
      return current() === undefined ? stat(path, options) : statSync(path, options);
    },
  });
  const originalOf = (run: unknown) => run as (descriptor: number, ...args: unknown[]) => unknown;
  Object.assign(fs, {
    openSync: (path: string, flags: string, ...rest: never[]) =>
      isOurs(path) ? files().all.open(path, flags) : openSync(path, flags, ...rest),
    realpathSync: Object.assign(
      (path: string, ...rest: never[]) => (isOurs(path) ? path : realpathSync(path, ...rest)),
      { native: realpathSync.native },
    ),
    fstatSync: unlessOurs(originalOf(fstatSync), (descriptor) => statOf(files().all.at(descriptor))),
    closeSync: unlessOurs(originalOf(closeSync), () => undefined),
    fsyncSync: unlessOurs(originalOf(fsyncSync), () => undefined),
    fdatasync: unlessOurs(originalOf(fdatasync), (_descriptor, done) => {
      const { world } = files();
      world.after(1, () => (done as () => void)());
    }),
    readSync: unlessOurs(originalOf(readSync), (descriptor, buffer) =>
      files()
        .all.at(descriptor)
        .bytes.copy(buffer as Buffer),
    ),
    writeSync: unlessOurs(originalOf(writeSync), (descriptor, buffer, offset, length, position) => {
      const { world, all } = files();
      const written = (buffer as Buffer).subarray(Number(offset), Number(offset) + Number(length));
      world.effect(world.owner, () => write(all.at(descriptor), written, Number(position)));
      return written.length;
    }),
  });
}

function noFile(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
}

function statOf({ inode }: SimulatedFile): unknown {
  return { dev: BigInt(device), ino: BigInt(inode), isFile: () => true };
}

function write(file: SimulatedFile, written: Buffer, position: number): void {
  const bytes = Buffer.alloc(Math.max(file.bytes.length, position + written.length));
  file.bytes.copy(bytes);
  written.copy(bytes, position);
  file.bytes = bytes;
}
