// Prints the line by which a server reports that it is ready.

import type { Output } from '../context.ts';
import { isClosedPipe, Printer } from '../terminal/printer.ts';

/**
 * Prints the line. Throws IO if it cannot be written, because another process may wait for the line. A closed pipe is
 * not an error, because its reader no longer waits.
 */
export async function printReady(stdout: Output, line: string): Promise<void> {
  await new Printer(stdout).text(line).catch((error: unknown) => {
    if (!isClosedPipe(error)) throw error;
  });
}
