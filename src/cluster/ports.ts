// Ports of this machine for the nodes.

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which systems give outgoing connections their ports (Linux: from 32768): a node's port must still be free when the node
// is started again.
const lowest = 20_000;
const highest = 32_000;

/** `count` different TCP ports on which nobody listens at `address`, as far as that can be seen: on a machine elsewhere it cannot. */
export async function freePorts(count: number, machine: string): Promise<number[]> {
  const address = machine === '127.0.0.1' ? machine : '0.0.0.0';
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(lowest, highest);
    if (await isFree(port, address)) ports.add(port);
  }
  return [...ports];
}

/** Whether one can listen on the port (0: any) at `address`. */
export function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, address, () => server.close(() => resolve(true)));
  });
}
