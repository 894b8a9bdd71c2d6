// Shows changing text on the alternate screen of a terminal, or writes it repeatedly to a pipe.

import type { Context, Output } from '../context.ts';
import { MqError } from '../errors.ts';
import { pause } from '../time.ts';
import { isBrokenPipe } from './printer.ts';

/** Escape sequences of ECMA-48, and of xterm's private mode 1049, which restores the previous content of the screen. */
const screen = { other: '\u001b[?1049h', own: '\u001b[?1049l', home: '\u001b[H\u001b[J' } as const;

interface Frames {
  readonly intervalMs: number;
  /** `true` shows each frame alone on the alternate screen. */
  readonly isScreen: boolean;
  /** Returns the text of the next frame. Its error ends the loop. */
  readonly frame: () => Promise<string>;
}

/**
 * Writes frames until the first signal or until the reader closes the pipe. Restores the screen after an error, too,
 * and when the process ends for another reason.
 */
export async function showFrames(
  { stdout, drain, onExit }: Pick<Context, 'stdout' | 'drain' | 'onExit'>,
  { intervalMs, isScreen, frame }: Frames,
): Promise<void> {
  const restored = onExit?.((status) => {
    if (isScreen) stdout.write(screen.own);
    return status;
  });
  if (isScreen) await writeText(stdout, screen.other);
  try {
    while (!drain.aborted) {
      // A frame may wait for a broker that does not answer.
      const text = await untilAborted(frame(), drain);
      if (text === undefined || drain.aborted) return;
      if (!(await writeText(stdout, isScreen ? screen.home + text : text))) return;
      await pause(intervalMs, { signal: drain });
    }
  } finally {
    restored?.();
    if (isScreen) await writeText(stdout, screen.own);
  }
}

/** Returns the lines that fit on the screen. The last one states how many are missing. */
export function fittingLines({ rows }: Output, lines: readonly string[]): string[] {
  // A terminal of unknown size reports 0.
  const most = Math.max(2, (rows || 24) - 2);
  return lines.length > most ? [...lines.slice(0, most - 1), `… ${lines.length - most + 1} more`] : [...lines];
}

/** Writes text. Returns `false` if the reader has closed the pipe. Throws IO for other errors. */
export function writeText(stdout: Output, text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stdout.write(text, (error) => {
      if (!error) resolve(true);
      else if (isBrokenPipe(error)) resolve(false);
      else reject(new MqError('IO', `cannot write to stdout: ${error.message}`, { cause: error }));
    });
  });
}

/** Returns the result of `work`, or `undefined` if the signal aborts first. */
async function untilAborted(work: Promise<string>, signal: AbortSignal): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const onAbort = () => resolve(undefined);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    // Without this, a signal that never comes would keep a listener for each frame.
    signal.removeEventListener('abort', onAbort);
  }
}
