// Asks a person on a terminal. A signal, and Ctrl-C where the terminal hands it over as a key, ends the asking.

import type { Context } from '../context.ts';
import { escaped, MqError } from '../errors.ts';

/** True where somebody is there to be asked. */
export function canAsk({ stdin, stderr }: Pick<Context, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

type Terminal = Pick<Context, 'stdin' | 'stderr' | 'drain'>;

/** True for y and yes; everything else, and the end of the input, is no. Throws INTERRUPTED and TERMINATED. */
export async function isConfirmed({ stdin, stderr, drain }: Terminal, question: string): Promise<boolean> {
  stderr.write(`${escaped(question)} [y/N] `);
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: stdin, signal: drain });
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    refuseStopped(drain);
    return false;
  } finally {
    lines.close();
    if (drain.aborted) stderr.write('\n');
  }
}

/** A line that is not shown while it is typed; undefined at the end of the input. Throws INTERRUPTED and TERMINATED. */
export async function hiddenLine({ stdin, stderr, drain }: Terminal, prompt: string): Promise<string | undefined> {
  stderr.write(`${escaped(prompt)}: `);
  const [{ createInterface }, { Writable }] = await Promise.all([
    import('node:readline/promises'),
    import('node:stream'),
  ]);
  // With a terminal that shows nothing, the real one has no echo.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output, terminal: true, signal: drain });
  // Without echo Ctrl-C is a key, and no signal comes.
  let isInterrupted = false;
  lines.once('SIGINT', () => {
    isInterrupted = true;
    lines.close();
  });
  try {
    for await (const line of lines) return line;
    refuseStopped(drain);
    if (isInterrupted) throw new MqError('INTERRUPTED', 'interrupted, nothing was done');
    return undefined;
  } finally {
    lines.close();
    stderr.write('\n');
  }
}

function refuseStopped({ aborted, reason }: AbortSignal): void {
  if (aborted) throw new MqError(reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED', 'interrupted, nothing was done');
}
