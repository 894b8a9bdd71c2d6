// Calls functions of the C library through the add-on koffi (Linux with glibc, x64 and arm64).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildEnd } from './child-end.ts';

type CFunction = (...values: readonly unknown[]) => number;

/** The part of koffi that mq uses. */
interface AddOn {
  load(library: null): { func(prototype: string): CFunction };
}

export interface Pipe {
  readonly read: number;
  readonly write: number;
}

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Variables as `NAME=value`. */
  readonly env: readonly string[];
}

// The values of glibc on x64 and arm64.
const closeOnExec = 0o2000000;
const unixDomain = 1;
const streamSocket = 1;
const nonBlocking = 0o4000;
const setStatusFlags = 4;
const noHang = 1;
/** POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK and POSIX_SPAWN_SETSID. */
const spawnFlags = 0x04 | 0x08 | 0x80;
/** More than the size of any of its structures. */
const structureBytes = 1024;

const signalNames = new Map(
  // If a signal has two names, the first is the usual one: SIGABRT, not SIGIOT.
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name] as const)
    .reverse(),
);

export class CLibrary {
  readonly #pipe2: CFunction;
  readonly #socketpair: CFunction;
  readonly #fcntl: CFunction;
  readonly #waitpid: CFunction;
  readonly #posixSpawn: CFunction;
  readonly #initActions: CFunction;
  readonly #addDup2: CFunction;
  readonly #addChdir: CFunction;
  readonly #destroyActions: CFunction;
  readonly #actions = Buffer.alloc(structureBytes);
  readonly #attributes = Buffer.alloc(structureBytes);

  /** @throws {Error} if a function is missing: posix_spawn_file_actions_addchdir_np is new in glibc 2.29. */
  constructor({ load }: AddOn) {
    const c = load(null);
    this.#pipe2 = c.func('int pipe2(_Out_ int *descriptors, int flags)');
    this.#socketpair = c.func('int socketpair(int domain, int type, int protocol, _Out_ int *descriptors)');
    this.#fcntl = c.func('int fcntl(int descriptor, int command, int flags)');
    this.#waitpid = c.func('int waitpid(int pid, _Out_ int *status, int options)');
    this.#posixSpawn = c.func(
      'int posix_spawn(_Out_ int *pid, const char *file, void *actions, void *attributes, const char **args, const char **env)',
    );
    this.#initActions = c.func('int posix_spawn_file_actions_init(void *actions)');
    this.#addDup2 = c.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)');
    this.#addChdir = c.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *folder)');
    this.#destroyActions = c.func('int posix_spawn_file_actions_destroy(void *actions)');
    // As with Node's `spawn`, no signal is blocked or ignored in the child.
    c.func('int posix_spawnattr_init(void *attributes)')(this.#attributes);
    c.func('int posix_spawnattr_setsigdefault(void *attributes, void *signals)')(
      this.#attributes,
      Buffer.alloc(128, 255),
    );
    c.func('int posix_spawnattr_setsigmask(void *attributes, void *signals)')(this.#attributes, Buffer.alloc(128));
    c.func('int posix_spawnattr_setflags(void *attributes, short flags)')(this.#attributes, spawnFlags);
  }

  /** Creates a pipe that children do not inherit. Returns `undefined` if mq has no free file descriptors. */
  pipe(): Pipe | undefined {
    const descriptors: [number, number] = [0, 0];
    if (this.#pipe2(descriptors, closeOnExec) !== 0) return undefined;
    const [read, write] = descriptors;
    return { read, write };
  }

  /** Creates a pair of connected sockets as `pipe` does. Reading its `read` does not block. */
  socketPair(): Pipe | undefined {
    const descriptors: [number, number] = [0, 0];
    if (this.#socketpair(unixDomain, streamSocket | closeOnExec, 0, descriptors) !== 0) return undefined;
    const [read, write] = descriptors;
    this.#fcntl(read, setStatusFlags, nonBlocking);
    return { read, write };
  }

  /**
   * Starts a program in its own session. Its descriptors 0, 1, 2 … are copies of `descriptors`. Returns its process id,
   * or `undefined` if it did not start.
   */
  spawn({ file, args, cwd, env }: Program, descriptors: readonly number[]): number | undefined {
    const words = [file, ...args];
    // C would end a string at a NUL byte.
    if (words.some(hasNul) || env.some(hasNul)) return undefined;
    const pid: [number] = [0];
    const actions = this.#actions;
    this.#initActions(actions);
    try {
      this.#addChdir(actions, cwd);
      for (const [to, from] of descriptors.entries()) this.#addDup2(actions, from, to);
      const error = this.#posixSpawn(pid, file, actions, this.#attributes, [...words, null], [...env, null]);
      return error === 0 ? pid[0] : undefined;
    } finally {
      this.#destroyActions(actions);
    }
  }

  /** Returns how a child has ended, or `undefined` if it is running. */
  endOf(pid: number): ChildEnd | undefined {
    const status: [number] = [0];
    const found = this.#waitpid(pid, status, noHang);
    if (found === 0) return undefined;
    if (found !== pid) return { type: 'not started', error: new Error(`the end of process ${pid} is unknown`) };
    return endOfStatus(status[0]);
  }
}

/**
 * Loads the add-on from a new folder that only this user can open, because Node can load one only from a file. Tries the
 * parent folders in turn. One may be missing, read-only or mounted with noexec.
 * @throws {Error} if the add-on cannot be loaded from any of them.
 */
export function loadCLibrary(addOn: Uint8Array): CLibrary {
  let failure: unknown;
  for (const parent of new Set([tmpdir(), '/tmp', '/dev/shm', '/var/tmp'])) {
    try {
      return loadFrom(parent, addOn);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function loadFrom(parent: string, addOn: Uint8Array): CLibrary {
  const folder = mkdtempSync(join(parent, 'mq-'));
  try {
    const file = join(folder, 'koffi.node');
    writeFileSync(file, addOn, { flag: 'wx', mode: 0o600 });
    return new CLibrary(createRequire(file)(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Decodes a status of waitpid(2). */
function endOfStatus(status: number): ChildEnd {
  const number = status & 0x7f;
  if (number === 0) return { type: 'exit', status: (status >> 8) & 0xff };
  // Real-time signals have no name.
  return { type: 'signal', signal: signalNames.get(number) ?? `SIG${number}` };
}

function hasNul(text: string): boolean {
  return text.includes('\0');
}
