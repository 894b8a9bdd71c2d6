// Defines a command's view of the outside world. main.ts creates the real one, and tests create their own.

import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { LogLevel } from './config/role.ts';
import type { Login } from './login/login.ts';

/** An output stream. `isTTY` is `true` on a terminal, which has `columns` and `rows`. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** Starts a child process, like `spawn` of node:child_process. */
export type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/** The parts of the process and the executable that a call of the C library needs. */
export interface NativeHost {
  /** Returns the add-on koffi for this platform. Throws if the program does not contain it. */
  readonly addOn: () => Uint8Array;
  /** Registers a listener for the end of any child (SIGCHLD) and returns a function that removes it. */
  readonly onChildEnd: (listener: () => void) => () => void;
}

export interface Context {
  /** Arguments after the program's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Login of the named connection. Options override it. Absent without a named connection. */
  readonly login?: Login;
  /** Absolute path. All relative paths of the user are resolved against it. */
  readonly cwd: string;
  /** Opens standard input: always the same stream. Node loads much for it, and most commands do not read it. */
  readonly stdin: () => Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * Aborts at the first SIGTERM or SIGINT, or at a terminal's SIGHUP (the reason is the signal's name). Running work
   * must finish.
   */
  readonly drain: AbortSignal;
  /** Aborts at the second signal, and at the end of the drain time. Unfinished work must be handed back. */
  readonly abandon: AbortSignal;
  /** Aborts `abandon`, for the drain deadline. */
  readonly giveUp: () => void;
  /** Rejects with an error that was not caught elsewhere. */
  readonly stray: Promise<never>;
  /**
   * Registers work that an uncaught error must not skip, because it undoes a change of the broker. Returns a function
   * that removes it.
   */
  readonly onStray?: (undo: () => Promise<void>) => () => void;
  /**
   * Registers a listener for an early end of the process and returns a function that removes it. The listener returns
   * the exit status.
   */
  readonly onExit?: (listener: (status: number) => number) => () => void;
  /** Reports to the parent process that a role waits for messages. Absent without an IPC channel. */
  readonly announceReady?: () => void;
  /** Id of the user. Absent on Windows. */
  readonly uid?: number;
  /** Id of this process. `isAlive` reports whether the process with an id is running. */
  readonly pid: number;
  readonly isAlive: (pid: number) => boolean;
  /** Memory limit of this process in bytes: the limit of its container, otherwise the memory of the machine. */
  readonly memoryBytes: number;
  /** Version of Node, and the processor time of this process so far in milliseconds, in all its threads. */
  readonly runtime?: { readonly node: string; readonly cpuMs: () => number };
  /** Sends a signal to a process, or to a process group if the id is negative. Throws if it does not exist. */
  readonly kill: (id: number, signal: NodeJS.Signals) => void;
  readonly spawn: Spawn;
  /** Absent on other systems than Linux. */
  readonly native?: NativeHost;
  /** Command that starts this program again: `command args… <its arguments>`. */
  readonly self: { readonly command: string; readonly args: readonly string[] };
  /** For `mq test`: returns a running process for a test file, at most once. */
  readonly spare?: () => ChildProcess | undefined;
}

/** A log entry of a role: a line of text, or one object of `--log json`. */
export interface Said {
  /** Defaults to info. */
  readonly level?: LogLevel;
  /** Kind of the event, as one word. At most ten lines a minute of one kind are written. */
  readonly event: string;
  /** `true` writes every line, because each is the only record of a message's outcome. */
  readonly isRecord?: boolean;
  readonly message: string;
  /** Additional fields for `--log json`. Those of `messageFields` are also part of a text line. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export type Say = (said: Said) => void;
