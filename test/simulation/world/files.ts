// Replaces functions of node:fs for the files of simulated processes: the offsets of streams, and recordings. Other files stay
// those of the machine.

import fs from 'node:fs';
import { FileSystem, isSimulated, type SimulatedFile, simulatedFolder, statOf } from './file-system.ts';
import type { World } from './world.ts';

const fileSystems = new WeakMap<World, FileSystem>();

/** Returns the simulated files of a world. */
export function filesOf(world: World): FileSystem {
  const files = fileSystems.get(world) ?? new FileSystem(world);
  fileSystems.set(world, files);
  return files;
}

/** Replaces the functions. `current` returns the world in force, if there is one. */
export function replaceFiles(current: () => World | undefined): void {
  const { stat, open } = fs.promises;
  const { statSync, openSync, closeSync, readSync, writeSync, fstatSync, fsyncSync, fdatasync, realpathSync } = fs;
  const { createReadStream } = fs;
  const isOurs = (path: unknown): path is string => String(path).startsWith(simulatedFolder);
  const world = () => {
    const its = current();
    if (its === undefined) throw new Error('a simulated file is used outside a simulation');
    return its;
  };
  const files = () => filesOf(world());
  /** Calls the original, unless the descriptor is that of a simulated file. */
  const unlessOurs = <A extends readonly unknown[], R>(
    original: (descriptor: number, ...args: A) => R,
    ours: (descriptor: number, ...args: A) => R,
  ) => {
    return (descriptor: number, ...args: A) =>
      isSimulated(descriptor) ? ours(descriptor, ...args) : original(descriptor, ...args);
  };
  Object.assign(fs.promises, {
    stat: async (path: string, options: never) => {
      if (isOurs(path)) return files().stat(path);
      return current() === undefined ? stat(path, options) : statSync(path, options);
    },
    open: (path: string, flags: never, ...rest: never[]) =>
      isOurs(path) ? files().open(path, flags) : open(path, flags, ...rest),
  });
  const originalOf = (run: unknown) => run as (descriptor: number, ...args: unknown[]) => unknown;
  Object.assign(fs, {
    createReadStream: (path: string, options: never) =>
      isOurs(path) ? files().stream(path) : createReadStream(path, options),
    openSync: (path: string, flags: string, ...rest: never[]) =>
      isOurs(path) ? files().openSync(path, flags) : openSync(path, flags, ...rest),
    realpathSync: Object.assign(
      (path: string, ...rest: never[]) => (isOurs(path) ? path : realpathSync(path, ...rest)),
      { native: realpathSync.native },
    ),
    fstatSync: unlessOurs(originalOf(fstatSync), (descriptor) => statOf(files().at(descriptor))),
    closeSync: unlessOurs(originalOf(closeSync), () => undefined),
    fsyncSync: unlessOurs(originalOf(fsyncSync), () => undefined),
    fdatasync: unlessOurs(originalOf(fdatasync), (_descriptor, done) => {
      world().after(1, () => (done as () => void)());
    }),
    readSync: unlessOurs(originalOf(readSync), (descriptor, buffer) =>
      files()
        .at(descriptor)
        .bytes.copy(buffer as Buffer),
    ),
    writeSync: unlessOurs(originalOf(writeSync), (descriptor, buffer, offset, length, position) => {
      const written = (buffer as Buffer).subarray(Number(offset), Number(offset) + Number(length));
      world().effect(world().owner, () => write(files().at(descriptor), written, Number(position)));
      return written.length;
    }),
  });
}

function write(file: SimulatedFile, written: Buffer, position: number): void {
  const bytes = Buffer.alloc(Math.max(file.bytes.length, position + written.length));
  file.bytes.copy(bytes);
  written.copy(bytes, position);
  file.bytes = bytes;
}
