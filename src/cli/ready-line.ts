// Prints the line that a server prints when it is ready.

import type { Output } from '../context.ts';
import { isClosedPipe, Printer } from '../terminal/printer.ts';

/**
 * Prints the line, which may be waited for by another process. Throws IO if it cannot be written. A closed pipe means
 * that the line was read, or that nobody reads it.
 */
export async function printReady(stdout: Output, line: string): Promise<void> {
  await new Printer(stdout).text(line).catch((error: unknown) => {
    if (!isClosedPipe(error)) throw error;
  });
}
