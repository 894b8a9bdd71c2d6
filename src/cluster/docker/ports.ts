// Finds free local ports for the nodes.

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// The range is below the ephemeral ports (Linux: from 32768), because a node's port must still be free when the node is
// started again.
const lowest = 20_000;
const highest = 32_000;

/**
 * Returns `count` different TCP ports for nodes on `machine`. If that is another machine, the ports are those that are
 * free on this one, because ports of another machine cannot be checked.
 */
export async function freePorts(count: number, machine: string): Promise<number[]> {
  const address = machine === '127.0.0.1' ? machine : '0.0.0.0';
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(lowest, highest);
    if (await isFree(port, address)) ports.add(port);
  }
  return [...ports];
}

/**
 * Reports whether this process can listen on the port at `address`. With port 0, which means any port, it reports
 * whether this machine has the address.
 */
export function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, address, () => server.close(() => resolve(true)));
  });
}
