// A disk in memory that keeps only what POSIX promises. A completed write is durable after a sync of its file, and a name after a
// sync of its folder. On Linux a write to the log is durable at its end (O_DSYNC), but not on macOS and Windows, so it is not here.

import { basename, dirname } from 'node:path/posix';
import type { Disk, DiskFile, LogFile } from '../../src/broker/store/disk.ts';
import type { Random } from '../support/random.ts';
import { File, Folder, type Inode, type NameChange } from './inode.ts';

/** An operation of a process on the disk. */
export interface Operation {
  readonly name: keyof Disk | keyof LogFile | keyof DiskFile;
  readonly path: string;
  /** The number of bytes of a write. */
  readonly bytes?: number;
}

export type DiskError = 'ENOSPC' | 'EIO' | 'EMFILE';

/** The faults of a disk. An absent function means no fault of this kind. */
export interface DiskFaults {
  /** Returns the error of an operation that fails. After EIO, a part of a write or sync may have happened. */
  readonly errorOf?: (operation: Operation) => DiskError | undefined;
  /** Returns the number of bytes that one call of a write accepts, from 1 to `bytes`. */
  readonly acceptedOf?: (operation: Operation & { readonly bytes: number }) => number;
  /** The size of the disk in bytes. A write beyond it fails with ENOSPC. */
  readonly capacity?: () => number;
}

export interface SimulatedDiskParts {
  readonly random: Random;
  /** Resolves after the virtual time that the operation needs. */
  readonly wait: (operation: Operation) => Promise<void>;
  readonly faults?: DiskFaults;
}

export class SimulatedDisk implements Disk {
  readonly #parts: SimulatedDiskParts;
  /** The operations between their call and their effect, and what applies them in part. */
  readonly #inFlight = new Map<object, Effects['partialEffect']>();
  #root: Folder;
  #nextId = 2;
  #isOff = false;

  constructor(parts: SimulatedDiskParts) {
    this.#parts = parts;
    this.#root = new Folder(1);
  }

  /** Returns the disk after a power loss. Operations on this disk never end from now on. */
  crash(parts: SimulatedDiskParts): SimulatedDisk {
    this.#end(parts.random);
    const made = new Map<Inode, Inode>();
    const inodeOf = (inode: Inode): Inode => {
      const { random } = parts;
      const after = () =>
        inode instanceof File ? inode.afterPowerLoss(random) : inode.afterPowerLoss(random, inodeOf);
      const copy = made.get(inode) ?? after();
      made.set(inode, copy);
      return copy;
    };
    return this.#successor(parts, inodeOf(this.#root) as Folder);
  }

  /** Returns the disk after the end of the process (SIGKILL), which loses nothing that has completed. */
  kill(parts: SimulatedDiskParts): SimulatedDisk {
    this.#end(parts.random);
    return this.#successor(parts, this.#root);
  }

  /** Applies each operation in flight, or not. */
  #end(random: Random): void {
    this.#isOff = true;
    for (const apply of this.#inFlight.values()) {
      try {
        if (random.chance(0.5)) apply(random);
      } catch {
        // The operation was not possible.
      }
    }
    this.#inFlight.clear();
  }

  #successor(parts: SimulatedDiskParts, root: Folder): SimulatedDisk {
    const disk = new SimulatedDisk(parts);
    disk.#root = root;
    disk.#nextId = this.#nextId;
    return disk;
  }

  /** Returns all bytes that processes see, by path. */
  files(): ReadonlyMap<string, Buffer> {
    const found = new Map<string, Buffer>();
    const visit = (folder: Folder, path: string) => {
      for (const [name, inode] of folder.names) {
        if (inode instanceof Folder) visit(inode, `${path}${name}/`);
        else found.set(`${path}${name}`, inode.bytes);
      }
    };
    visit(this.#root, '/');
    return found;
  }

  async openLog(path: string, flags: 'r+' | 'wx'): Promise<LogFile> {
    if (flags === 'wx') await this.#create('openLog', path);
    else await this.#run({ name: 'openLog', path });
    const file = this.#file('openLog', path);
    return {
      writev: (parts, position) => this.#write(file, { path, bytes: Buffer.concat(parts), position }),
      datasync: () => this.#sync('datasync', path, file),
      close: () => this.#run({ name: 'close', path }),
    };
  }

  async open(path: string, _flags: 'r' | 'r+'): Promise<DiskFile> {
    await this.#run({ name: 'open', path });
    const file = this.#file('open', path);
    return {
      writev: (parts, position) => this.#write(file, { path, bytes: Buffer.concat(parts), position }),
      read: async (buffer, offset, length, position) => {
        await this.#run({ name: 'read', path });
        return { bytesRead: file.bytes.copy(buffer, offset, position, position + length) };
      },
      stat: async () => {
        await this.#run({ name: 'stat', path });
        return { size: file.bytes.length };
      },
      truncate: (length) =>
        this.#run({ name: 'truncate', path }, { effect: () => file.apply({ type: 'truncate', length }) }),
      sync: () => this.#sync('sync', path, file),
      close: () => this.#run({ name: 'close', path }),
    };
  }

  async readFile(path: string): Promise<Buffer> {
    await this.#run({ name: 'readFile', path });
    return Buffer.from(this.#file('readFile', path).bytes);
  }

  async createFile(path: string, text: string): Promise<void> {
    await this.#create('createFile', path);
    const file = this.#file('createFile', path);
    const bytes = Buffer.from(text);
    const effect = () => file.apply({ type: 'write', position: 0, bytes });
    await this.#run({ name: 'writev', path, bytes: bytes.length }, { effect });
    await this.#sync('sync', path, file);
  }

  async unlink(path: string): Promise<void> {
    await this.#changeNames({ name: 'unlink', path }, () => {
      this.#file('unlink', path);
      return [[basename(path), undefined]];
    });
  }

  async link(from: string, to: string): Promise<void> {
    await this.#changeNames({ name: 'link', path: to }, () => {
      this.#refuseExisting('link', to);
      return [[basename(to), this.#file('link', from)]];
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#changeNames({ name: 'rename', path: to }, () => {
      if (dirname(from) !== dirname(to)) throw failure('EXDEV', 'rename', from);
      const file = this.#file('rename', from);
      // POSIX: a rename between two links of one file does nothing.
      if (this.#find(to) === file) return [];
      return [
        [basename(from), undefined],
        [basename(to), file],
      ];
    });
  }

  async mkdir(path: string): Promise<void> {
    await this.#changeNames({ name: 'mkdir', path }, () => {
      this.#refuseExisting('mkdir', path);
      return [[basename(path), new Folder(this.#nextId++)]];
    });
  }

  async readdir(path: string): Promise<{ name: string; isDirectory(): boolean }[]> {
    await this.#run({ name: 'readdir', path });
    return Array.from(this.#folder('readdir', path).names, ([name, inode]) => ({
      name,
      isDirectory: () => inode instanceof Folder,
    }));
  }

  async removeFolder(path: string): Promise<void> {
    if (this.#find(path) === undefined) return;
    for (const entry of await this.readdir(path)) {
      const each = `${path}/${entry.name}`;
      if (entry.isDirectory()) await this.removeFolder(each);
      else await this.unlink(each);
    }
    await this.#changeNames({ name: 'removeFolder', path }, () => {
      if (this.#folder('removeFolder', path).names.size > 0) throw failure('ENOTEMPTY', 'rmdir', path);
      return [[basename(path), undefined]];
    });
  }

  async stat(path: string): Promise<{ isDirectory(): boolean }> {
    await this.#run({ name: 'stat', path });
    const inode = this.#find(path);
    if (inode === undefined) throw failure('ENOENT', 'stat', path);
    return { isDirectory: () => inode instanceof Folder };
  }

  async syncFolder(path: string): Promise<void> {
    const folder = this.#folder('syncFolder', path);
    const changes = [...folder.changes];
    await this.#run({ name: 'syncFolder', path }, { effect: () => folder.sync(changes) });
  }

  identityOf(path: string): string | undefined {
    const inode = this.#find(path);
    return inode && `${inode.id}`;
  }

  async #create(name: Operation['name'], path: string): Promise<void> {
    await this.#changeNames({ name, path }, () => {
      this.#refuseExisting(name, path);
      return [[basename(path), new File(this.#nextId++)]];
    });
  }

  /** Changes names in the folder of a path. `changeOf` throws if the change is not possible. */
  async #changeNames(operation: Operation, changeOf: () => [string, Inode | undefined][]): Promise<void> {
    const { name, path } = operation;
    const effect = () => {
      const change: NameChange = new Map(changeOf());
      if (change.size > 0) this.#folder(name, dirname(path)).apply(change);
    };
    await this.#run(operation, { effect });
  }

  /** Writes with O_DSYNC. */
  async #write(file: File, { path, bytes, position }: Write): Promise<{ bytesWritten: number }> {
    if (this.#isOff) await unending();
    const { faults } = this.#parts;
    const operation = { name: 'writev', path, bytes: bytes.length } as const;
    const room = faults?.capacity === undefined ? bytes.length : faults.capacity() - this.#usedBytes();
    const accepted = Math.min(faults?.acceptedOf?.(operation) ?? bytes.length, room);
    const changeOf = (length: number) => ({ type: 'write', position, bytes: bytes.subarray(0, length) }) as const;
    const change = changeOf(accepted);
    await this.#run(operation, {
      error: room <= 0 ? 'ENOSPC' : undefined,
      effect: () => file.apply(change),
      partialEffect: (random) => file.apply(changeOf(random.chance(0.5) ? accepted : random.below(accepted))),
      errorEffect: (random) => {
        file.apply(change);
        file.failSync([change], random);
      },
    });
    return { bytesWritten: accepted };
  }

  /** Makes the changes durable that were complete at the time of the call. */
  async #sync(name: 'sync' | 'datasync', path: string, file: File): Promise<void> {
    const changes = [...file.changes];
    const effect = () => file.sync(changes);
    await this.#run({ name, path }, { effect, errorEffect: (random) => file.failSync(changes, random) });
  }

  /** Waits, and then applies the effect. */
  async #run(operation: Operation, effects: Partial<Effects> = {}): Promise<void> {
    if (this.#isOff) await unending();
    const { random, wait, faults } = this.#parts;
    const { effect = nothing, partialEffect = effect, errorEffect = nothing } = effects;
    const error = effects.error ?? faults?.errorOf?.(operation);
    if (error === undefined) this.#inFlight.set(effects, partialEffect);
    await wait(operation);
    if (this.#isOff) await unending();
    this.#inFlight.delete(effects);
    if (error === undefined) effect();
    else {
      if (error === 'EIO') errorEffect(random);
      throw failure(error, operation.name, operation.path);
    }
  }

  #usedBytes(): number {
    return this.files()
      .values()
      .reduce((sum, { length }) => sum + length, 0);
  }

  #find(path: string): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      inode = inode instanceof Folder ? inode.names.get(name) : undefined;
    }
    return inode;
  }

  #file(call: string, path: string): File {
    const inode = this.#find(path);
    if (inode instanceof File) return inode;
    throw failure(inode === undefined ? 'ENOENT' : 'EISDIR', call, path);
  }

  #folder(call: string, path: string): Folder {
    const inode = this.#find(path);
    if (inode instanceof Folder) return inode;
    throw failure(inode === undefined ? 'ENOENT' : 'ENOTDIR', call, path);
  }

  #refuseExisting(call: string, path: string): void {
    if (this.#find(path) !== undefined) throw failure('EEXIST', call, path);
  }
}

interface Write {
  readonly path: string;
  readonly bytes: Buffer;
  readonly position: number;
}

interface Effects {
  /** Applies the completed operation. Throws if the operation is not possible. */
  readonly effect: () => void;
  /** Applies the operation of a process that has ended before the operation. Defaults to `effect`. */
  readonly partialEffect: (random: Random) => void;
  /** Applies an operation that fails with EIO. */
  readonly errorEffect: (random: Random) => void;
  readonly error: DiskError | undefined;
}

function nothing(): void {}

/** Returns a promise of its own, because a shared one would keep everything that ever waited for it in memory. */
function unending(): Promise<never> {
  return new Promise(() => undefined);
}

function failure(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}
