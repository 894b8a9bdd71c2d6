// Runs programs of other projects: the tutorials in Python (pika), and amqp-tools. They receive the broker's URL, and end
// without a signal.

import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

export interface Program {
  /** Resolves at the first line of stdout (a receiver prints `waiting`). */
  readonly ready: Promise<void>;
  /** Resolves with stdout without `waiting`. Rejects with stderr if the program fails. */
  readonly ended: Promise<string>;
}

const folder = resolve(import.meta.dirname, '../fixtures/interop');
const deadlineMs = 60_000;

/** Runs `test/fixtures/interop/<name>.py` with Debian's Python, which has pika. */
export function python(url: string, name: string, ...args: readonly string[]): Program {
  return program(url, '/usr/bin/python3', ['-B', resolve(folder, `${name}.py`), ...args]);
}

/** Runs amqp-publish or amqp-consume. */
export function amqpTool(url: string, name: 'amqp-publish' | 'amqp-consume', ...args: readonly string[]): Program {
  return program(url, name, [`--url=${url}`, ...args]);
}

function program(url: string, command: string, args: readonly string[]): Program {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], AMQP_URL: url, PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
  });
  const ended = endOf(child, `${command} ${args.slice(1).join(' ')}`);
  const ready = new Promise<void>((done) => child.stdout.once('data', () => done()));
  const readyOrEnded = Promise.race([ready, ended.then(() => undefined)]);
  for (const promise of [ended, readyOrEnded]) promise.catch(() => undefined); // the caller that awaits it handles the error
  return { ended, ready: readyOrEnded };
}

function endOf(child: ChildProcess, label: string): Promise<string> {
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  }
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (status, signal) => {
      if (status === 0) done(text.stdout.replace(/^waiting\n/, ''));
      else failed(new Error(`${label} ended with ${status ?? signal}: ${text.stderr}`));
    });
  });
}
