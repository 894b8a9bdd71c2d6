// Files and folders of the simulated disk. Each has what processes see (the page cache), and what is durable.

import type { Random } from '../support/random.ts';

/** A power loss keeps or loses the bytes of one sector together, unless it tears the write at any byte. */
const sectorBytes = 512;

/** A change of a file that is not durable yet. */
type FileChange =
  | { readonly type: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly type: 'truncate'; readonly length: number };

/** A growing array of bytes. Bytes that were never written are zeros. */
class Content {
  #buffer = Buffer.alloc(0);
  #length = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  apply(change: FileChange): void {
    if (change.type === 'truncate') this.resize(change.length);
    else {
      const end = change.position + change.bytes.length;
      if (end > this.#length) this.resize(end);
      change.bytes.copy(this.#buffer, change.position);
    }
  }

  resize(length: number): void {
    if (length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#buffer.length));
      this.bytes.copy(larger);
      this.#buffer = larger;
    } else if (length < this.#length) this.#buffer.fill(0, length, this.#length);
    this.#length = length;
  }
}

export class File {
  readonly id: number;
  readonly #cached = new Content();
  readonly #durable = new Content();
  #changes: FileChange[] = [];

  constructor(id: number) {
    this.id = id;
  }

  /** Bytes that processes see. */
  get bytes(): Buffer {
    return this.#cached.bytes;
  }

  /** Changes that are not durable yet. */
  get changes(): readonly FileChange[] {
    return this.#changes;
  }

  apply(change: FileChange): void {
    this.#cached.apply(change);
    this.#changes.push(change);
  }

  /** Makes these changes durable, if they are not durable yet. */
  sync(changes: readonly FileChange[]): void {
    const synced = new Set(changes);
    this.#changes = this.#changes.filter((change) => {
      if (synced.has(change)) this.#durable.apply(change);
      return !synced.has(change);
    });
  }

  /**
   * Fails a sync: the kernel marks the changes as clean, although some of them were not written. A later sync succeeds
   * without them (fsyncgate, https://lwn.net/Articles/752063/).
   */
  failSync(changes: readonly FileChange[], random: Random): void {
    this.sync(changes.filter(() => random.chance(0.5)));
    const lost = new Set(changes);
    this.#changes = this.#changes.filter((change) => !lost.has(change));
  }

  /** Returns the file after a power loss: everything durable, and a random part of everything else. */
  afterPowerLoss(random: Random): File {
    const file = new File(this.id);
    file.#durable.apply({ type: 'write', position: 0, bytes: this.#durable.bytes });
    let { length } = file.#durable;
    for (const change of this.#changes) {
      if (change.type === 'truncate') {
        if (random.chance(0.5)) file.#durable.apply(change);
      } else {
        length = Math.max(length, change.position + change.bytes.length);
        for (const kept of survivors(change, random)) file.#durable.apply(kept);
      }
    }
    // The new length may be durable although the bytes are not.
    if (length > file.#durable.length && random.chance(0.3)) {
      file.#durable.resize(file.#durable.length + random.below(length - file.#durable.length + 1));
    }
    file.#cached.apply({ type: 'write', position: 0, bytes: file.#durable.bytes });
    return file;
  }
}

/** Returns the parts of a write that a power loss keeps: all, nothing, the first bytes, or some sectors. */
function survivors(write: Extract<FileChange, { type: 'write' }>, random: Random): (typeof write)[] {
  const { position, bytes } = write;
  switch (random.below(4)) {
    case 0:
      return [];
    case 1:
      return [write];
    case 2:
      return [{ ...write, bytes: bytes.subarray(0, random.below(bytes.length + 1)) }];
    default: {
      const parts: (typeof write)[] = [];
      for (let start = 0; start < bytes.length; ) {
        const end = Math.min(bytes.length, start + sectorBytes - ((position + start) % sectorBytes));
        if (random.chance(0.5)) parts.push({ ...write, position: position + start, bytes: bytes.subarray(start, end) });
        start = end;
      }
      return parts;
    }
  }
}

/** A change of the names in a folder: an inode for each new name, and `undefined` for a removed one. One change is atomic. */
export type NameChange = ReadonlyMap<string, Inode | undefined>;

export class Folder {
  readonly id: number;
  readonly names = new Map<string, Inode>();
  readonly #durable = new Map<string, Inode>();
  #changes: NameChange[] = [];

  constructor(id: number) {
    this.id = id;
  }

  /** Changes that are not durable yet. */
  get changes(): readonly NameChange[] {
    return this.#changes;
  }

  apply(change: NameChange): void {
    applyNames(this.names, change);
    this.#changes.push(change);
  }

  /** Makes these changes durable, if they are not durable yet. */
  sync(changes: readonly NameChange[]): void {
    const synced = new Set(changes);
    for (const change of this.#changes) if (synced.has(change)) applyNames(this.#durable, change);
    this.#changes = this.#changes.filter((change) => !synced.has(change));
  }

  /**
   * Returns the folder after a power loss. A change of names survives only if all earlier changes of the folder survive,
   * because the journal of the file system keeps their order.
   */
  afterPowerLoss(random: Random, inodeOf: (inode: Inode) => Inode): Folder {
    const folder = new Folder(this.id);
    const names = new Map(this.#durable);
    for (const change of this.#changes.slice(0, random.below(this.#changes.length + 1))) applyNames(names, change);
    for (const [name, inode] of names) {
      folder.names.set(name, inodeOf(inode));
      folder.#durable.set(name, inodeOf(inode));
    }
    return folder;
  }
}

export type Inode = File | Folder;

function applyNames(names: Map<string, Inode>, change: NameChange): void {
  for (const [name, inode] of change) {
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
}
