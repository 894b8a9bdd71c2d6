// The world as a command sees it. main.ts makes the real one; tests make their own.

import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { LogLevel } from './config/config.ts';

/** A stream for people or results. `isTTY` is true on a terminal, which has so many `columns` and `rows`. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

export interface Context {
  /** What follows the program's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. Every relative path of the user is resolved against it. */
  readonly cwd: string;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted by the first SIGTERM or SIGINT, or SIGHUP of a terminal (reason: the signal's name): finish what runs. */
  readonly drain: AbortSignal;
  /** Aborted by the second signal, and at the end of the drain's time: hand back what is unfinished. */
  readonly abandon: AbortSignal;
  /** Aborts `abandon`; for the drain's deadline. */
  readonly giveUp: () => void;
  /** Rejects with an error that nothing else has caught. */
  readonly stray: Promise<never>;
  /** Calls the listener if the process ends before the returned function is called; the listener returns the exit status. */
  readonly onExit?: (listener: (status: number) => number) => () => void;
  /** Tells the process that started this one that a role waits for messages; absent without an IPC channel. */
  readonly announceReady?: () => void;
  /** The id of the user; absent on Windows. */
  readonly uid?: number;
  /** Of this process; `isAlive` tells whether the one of an id still runs. */
  readonly pid: number;
  readonly isAlive: (pid: number) => boolean;
  /** Bytes of memory that this process may use: those of its container, else of the machine. */
  readonly memoryBytes: number;
  /** Sends a signal to a process, or to a process group when the id is negative. Throws if it is gone. */
  readonly kill: (id: number, signal: NodeJS.Signals) => void;
  /** What starts this program once more: `command args… <its arguments>`. */
  readonly self: { readonly command: string; readonly args: readonly string[] };
  /** For `mq test`: gives the process of a test file that is started already, once at most. */
  readonly spare?: () => ChildProcess | undefined;
}

/** Something that a role tells a person: a line of text, or one object of `--log json`. */
export interface Said {
  /** Default: info. */
  readonly level?: LogLevel;
  /** One word for the kind of thing; at most ten lines a minute are shown of one kind. */
  readonly event: string;
  /** True: every line is shown, because each is the only record of what became of a message. */
  readonly isRecord?: boolean;
  readonly message: string;
  /** Further facts for `--log json`. Those of `messageFields` are in a line of text as well. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export type Say = (said: Said) => void;
