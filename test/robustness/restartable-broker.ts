// Runs a broker in a child process, and restarts it with the same folder after a normal stop or a kill.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { node } from '../support/node.ts';

export type End = 'SIGTERM' | 'SIGKILL';

export class RestartableBroker {
  readonly #folder = mkdtempSync(join(tmpdir(), 'mq-restart-'));
  /** Milliseconds that the clock of the queues has advanced. */
  #now = 0;
  #child: ChildProcess | undefined;
  #url = '';

  get url(): string {
    return this.#url;
  }

  async start(): Promise<void> {
    const args = [join(import.meta.dirname, 'stepped-broker.ts'), this.#folder, String(this.#now)];
    const child = spawn(node, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child = child;
    const ended = once(child, 'exit').then(([status]) => {
      throw new Error(`the broker did not start: exit status ${status}`);
    });
    const [{ url }] = (await Promise.race([once(child, 'message'), ended])) as [{ url: string }];
    this.#url = url.replace('://', '://guest:guest@').replace('guest:guest@guest@', 'guest:guest@');
  }

  /** Advances the clock of the queues. Resolves when the state of the broker is on disk. */
  async move(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    this.#child?.send({ move: milliseconds });
    await once(this.#child as ChildProcess, 'message');
  }

  async end(signal: End): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.#folder, { recursive: true });
  }
}
