// Asks the user on a terminal. A signal, or Ctrl-C as a key, cancels the question.

import type { Context } from '../../context.ts';
import { escaped, MqError } from '../../errors.ts';
import { interruption } from '../../signal.ts';

/** Returns `true` if a terminal is available for questions. */
export function canAsk({ stdin, stderr }: Pick<Context, 'stdin' | 'stderr'>): boolean {
  return stderr.isTTY === true && stdin().isTTY === true;
}

type Terminal = Pick<Context, 'stdin' | 'stderr' | 'drain'>;

/**
 * Returns `true` for y and yes, and `false` for any other answer and at the end of the input. Throws INTERRUPTED or
 * TERMINATED at a signal.
 */
export async function isConfirmed({ stdin, stderr, drain }: Terminal, question: string): Promise<boolean> {
  stderr.write(`${escaped(question)} [y/N] `);
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: stdin(), signal: drain });
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    throwIfStopped(drain);
    return false;
  } finally {
    lines.close();
    if (drain.aborted) stderr.write('\n');
  }
}

/**
 * Reads a line without echo. Returns `undefined` at the end of the input. Throws INTERRUPTED or TERMINATED at a signal.
 */
export async function hiddenLine({ stdin, stderr, drain }: Terminal, prompt: string): Promise<string | undefined> {
  stderr.write(`${escaped(prompt)}: `);
  const [{ createInterface }, { Writable }] = await Promise.all([
    import('node:readline/promises'),
    import('node:stream'),
  ]);
  // readline writes to this stream, which discards everything, and it turns off the echo of the real terminal.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin(), output, terminal: true, signal: drain });
  // Without echo, Ctrl-C arrives as a key and not as a signal.
  let isInterrupted = false;
  lines.once('SIGINT', () => {
    isInterrupted = true;
    lines.close();
  });
  try {
    for await (const line of lines) return line;
    throwIfStopped(drain);
    if (isInterrupted) throw new MqError('INTERRUPTED', 'interrupted, nothing was done');
    return undefined;
  } finally {
    lines.close();
    stderr.write('\n');
  }
}

function throwIfStopped(drain: AbortSignal): void {
  if (drain.aborted) throw interruption(drain, 'interrupted, nothing was done');
}
