// Asks a person on a terminal.

import type { Context } from '../context.ts';
import { escaped } from '../errors.ts';

/** True where somebody is there to be asked. */
export function canAsk({ stdin, stderr }: Pick<Context, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** True for y and yes; everything else, and the end of the input, is no. */
export async function isConfirmed({ stdin, stderr }: Context, question: string): Promise<boolean> {
  stderr.write(`${escaped(question)} [y/N] `);
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: stdin });
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}

/** A line that is not shown while it is typed; undefined at the end of the input. */
export async function hiddenLine({ stdin, stderr }: Context, prompt: string): Promise<string | undefined> {
  stderr.write(`${escaped(prompt)}: `);
  const [{ createInterface }, { Writable }] = await Promise.all([
    import('node:readline/promises'),
    import('node:stream'),
  ]);
  // With a terminal that shows nothing, the real one has no echo.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output, terminal: true });
  try {
    for await (const line of lines) return line;
    return undefined;
  } finally {
    lines.close();
    stderr.write('\n');
  }
}
