// The files of simulated processes. A file keeps what a process has written when the process is killed. A loss of power can
// lose what was not synced, and a name whose folder was not synced. Each operation costs virtual time, and none waits for
// the machine.

import fs from 'node:fs';
import { Readable } from 'node:stream';
import type { Random } from '../../support/random.ts';
import type { World } from './world.ts';

/** The folder of the files that are simulated. */
export const simulatedFolder = '/simulated';
const firstDescriptor = 1_000_000;
const device = 1;
/** Longest time of an operation in milliseconds. */
const longestMs = 5;
/** Bytes of one read. */
const chunkBytes = 1000;

export interface SimulatedFile {
  readonly inode: number;
  bytes: Buffer;
  /** Number of bytes that a loss of power keeps. */
  synced: number;
  /** True if a loss of power keeps the name. */
  isNamed: boolean;
  /** Bytes that the file can have before its disk is full. */
  mostBytes: number;
}

/** The part of a file handle that a recording uses. */
interface Handle {
  writeFile(bytes: Buffer): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export class FileSystem {
  readonly #files = new Map<string, SimulatedFile>();
  readonly #open = new Map<number, SimulatedFile>();
  readonly #world: World;
  #inodes = 0;
  /** Bytes that files can have whose disk is almost full, by path. */
  readonly mostBytes = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Returns the bytes of a file, or `undefined` if there is no file. */
  read(path: string): Buffer | undefined {
    return this.#files.get(path)?.bytes;
  }

  /** Returns a descriptor of the file. */
  openSync(path: string, flags: unknown): number {
    const mayCreate = typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0;
    let file = this.#files.get(path);
    if (file === undefined) {
      if (!mayCreate && path !== simulatedFolder) throw failure('ENOENT', path);
      file = this.#create(path);
    }
    const descriptor = firstDescriptor + this.#open.size;
    this.#open.set(descriptor, file);
    return descriptor;
  }

  stat(path: string): unknown {
    const file = this.#files.get(path);
    if (file === undefined) throw failure('ENOENT', path);
    return statOf(file);
  }

  at(descriptor: number): SimulatedFile {
    const file = this.#open.get(descriptor);
    if (file === undefined) throw failure('EBADF', String(descriptor));
    return file;
  }

  /** Opens a new file, or the folder. */
  async open(path: string, flags: unknown): Promise<Handle> {
    if (path === simulatedFolder) return this.#handle(undefined);
    if (flags !== 'wx') throw failure('EINVAL', path);
    return this.#after(() => {
      if (this.#files.has(path)) throw failure('EEXIST', path);
      return this.#handle(this.#create(path));
    });
  }

  /** Returns a stream of the bytes that a file has at the time of each read. */
  stream(path: string): Readable {
    let at = 0;
    const next = () => {
      const file = this.#files.get(path);
      if (file === undefined) throw failure('ENOENT', path);
      const bytes = file.bytes.subarray(at, at + chunkBytes);
      at += bytes.length;
      return bytes.length === 0 ? null : bytes;
    };
    const read = (stream: Readable) =>
      void this.#after(next).then(
        (bytes) => stream.push(bytes),
        (error) => stream.destroy(error),
      );
    return new Readable({
      read() {
        read(this);
      },
    });
  }

  /** Loses what the files whose names begin with `prefix` have not synced, or a part of it. */
  losePower(prefix: string, random: Random): void {
    for (const [path, file] of this.#files) {
      if (!path.startsWith(prefix)) continue;
      const rest = file.bytes.subarray(file.synced);
      const kept = Buffer.from(rest.subarray(0, random.below(rest.length + 1)));
      // A file system can keep the length of a file, and not its bytes.
      if (random.chance(0.3)) kept.fill(0);
      file.bytes = Buffer.concat([file.bytes.subarray(0, file.synced), kept]);
      file.synced = file.bytes.length;
      if (!file.isNamed && random.chance(0.5)) this.#files.delete(path);
    }
  }

  #create(path: string): SimulatedFile {
    this.#inodes += 1;
    const mostBytes = this.mostBytes.get(path) ?? Number.POSITIVE_INFINITY;
    const file = { inode: this.#inodes, bytes: Buffer.alloc(0), synced: 0, isNamed: false, mostBytes };
    this.#files.set(path, file);
    return file;
  }

  #handle(file: SimulatedFile | undefined): Handle {
    return {
      writeFile: (bytes) => this.#after(() => append(file, bytes)),
      sync: () => this.#after(() => this.#sync(file)),
      close: async () => undefined,
    };
  }

  /** Makes the bytes of a file durable, or all names of the folder. */
  #sync(file: SimulatedFile | undefined): void {
    if (file) file.synced = file.bytes.length;
    else for (const each of this.#files.values()) each.isNamed = true;
  }

  /** Carries out an operation some time later, unless its process has ended by then. */
  #after<T>(operation: () => T): Promise<T> {
    const world = this.#world;
    const { owner } = world;
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(operation());
        } catch (error) {
          reject(error);
        }
      };
      world.after((longestMs * world.random.below(1000)) / 1000, () => world.effect(owner, run), owner);
    });
  }
}

export function statOf({ inode }: SimulatedFile): unknown {
  return { dev: BigInt(device), ino: BigInt(inode), isFile: () => true, isFIFO: () => false };
}

/** Returns whether the descriptor is that of a simulated file. */
export function isSimulated(descriptor: number): boolean {
  return descriptor >= firstDescriptor;
}

/** Adds bytes to the end. A full disk stores only some of them. */
function append(file: SimulatedFile | undefined, bytes: Buffer): void {
  if (file === undefined) throw failure('EBADF', 'a folder');
  const room = Math.max(0, file.mostBytes - file.bytes.length);
  file.bytes = Buffer.concat([file.bytes, bytes.subarray(0, room)]);
  if (bytes.length > room) throw failure('ENOSPC', 'a file');
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
