// Collects the events of the process of a test file. Kills the process if it blocks its own event loop or if the run is
// interrupted.

import type { ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { loadTimeoutMs } from '../request.ts';
import { eventsDescriptor } from '../start-child.ts';
import type { TestEvent } from '../test-file/event.ts';
import type { Ending } from '../verdict.ts';

interface WatchOptions {
  readonly launch: { readonly kill: (pid: number) => void };
  /** Time limit of one test or one hook, in milliseconds. */
  readonly timeoutMs: number;
  /** When this signal aborts, the process is killed. */
  readonly signal: AbortSignal;
}

export class ChildWatch {
  readonly events: TestEvent[] = [];
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #options: WatchOptions;
  /** The child enforces its deadlines itself while its event loop runs. This timer covers a blocked event loop. */
  #watchdog: NodeJS.Timeout | undefined;
  #deadlineMs: number | undefined;
  /** Reason why the process was killed. */
  #killed: string | undefined;

  constructor(child: ChildProcess, options: WatchOptions) {
    this.#child = child;
    this.#options = options;
    this.#expectEvent(loadTimeoutMs(options.timeoutMs));
    // A signal that has aborted before sends no event.
    if (options.signal.aborted) this.#onAbort();
    else options.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#readEvents();
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(this.#finish({ code: null, signal: null, killed: error.message })));
      child.once('exit', async (code, signal) => {
        await this.#pipesClosed();
        resolve(this.#finish({ code, signal }));
      });
    });
  }

  /** Reads the events of the child (`send` in child.ts). */
  #readEvents(): void {
    const pipe = this.#child.stdio[eventsDescriptor];
    let rest = '';
    // The pipe is null if the child could not be started.
    if (!(pipe instanceof Readable)) return;
    pipe.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event: TestEvent = JSON.parse(line);
        this.events.push(event);
      }
      if (lines.length > 0) this.#expectEvent(this.#options.timeoutMs);
    });
  }

  readonly #onAbort = (): void => this.#kill('the run was interrupted');

  #kill(why: string): void {
    this.#killed ??= why;
    this.#killGroup();
  }

  #killGroup(): void {
    if (this.#child.pid !== undefined) this.#options.launch.kill(this.#child.pid);
  }

  /** Restarts the watchdog. The child must send an event or exit within the deadline and a grace period. */
  #expectEvent(deadlineMs: number): void {
    if (deadlineMs === this.#deadlineMs) return void this.#watchdog?.refresh();
    this.#deadlineMs = deadlineMs;
    const quietMs = deadlineMs + Math.min(2 * deadlineMs, blockedGraceMs);
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(
      () => this.#kill(`the process sent no event for ${quietMs} ms and was killed`),
      quietMs,
    );
  }

  /** Kills the processes that the file has left running, and waits until the file's pipes are closed. */
  async #pipesClosed(): Promise<void> {
    this.#killGroup();
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    await Promise.race([closed, delay(pipeGraceMs, undefined, { ref: false })]);
  }

  #finish(ending: Ending): Ending {
    clearTimeout(this.#watchdog);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    return this.#killed === undefined ? ending : { ...ending, killed: this.#killed };
  }
}

/** Grace period in milliseconds. It is longer than the time after which the child itself reports that it still runs. */
const blockedGraceMs = 6_000;
/** Milliseconds to wait for the pipes, which a process in another process group may keep open. */
const pipeGraceMs = 1_000;
