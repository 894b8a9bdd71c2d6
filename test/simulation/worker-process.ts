// Starts a process of the simulation, and runs one schedule after another in it.

import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Report, Request } from './worker.ts';

/** Milliseconds of real time in which a schedule ends on a busy machine. */
const longestMs = 180_000;

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;

  constructor(folder = import.meta.dirname) {
    this.#child = fork(join(folder, 'worker.ts'), [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // A larger young generation halves the time in the garbage collector.
      execArgv: [...process.execArgv, '--max-semi-space-size=64'],
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => resolve(`the process of the simulation ended with ${code ?? signal}`));
    });
  }

  /** Runs one schedule. The end of the process, and a schedule without an end, are violations. */
  async run(request: Request): Promise<Report> {
    const clock = setTimeout(() => this.#child.kill('SIGKILL'), longestMs);
    const answered = new Promise<Report>((resolve) => {
      this.#child.once('message', (report) => resolve(report as Report));
    });
    this.#child.send(request);
    const report = await Promise.race([
      answered,
      this.#ended.then((end) => ({ violations: [end], hash: '0', steps: 0, virtualMs: 0 })),
    ]);
    clearTimeout(clock);
    return report;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
