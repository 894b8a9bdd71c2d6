// Prints the line that a server prints when it is ready.

import type { Output } from '../context.ts';
import { isClosedPipe, Printer } from '../terminal/printer.ts';

/**
 * Prints the line. Throws IO if it cannot be written, because another process may wait for it. A closed pipe is not an
 * error: the reader has the line, or does not need it.
 */
export async function printReady(stdout: Output, line: string): Promise<void> {
  await new Printer(stdout).text(line).catch((error: unknown) => {
    if (!isClosedPipe(error)) throw error;
  });
}
