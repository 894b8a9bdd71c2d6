// Runs the embedded broker with a store, for tests that kill it. The clock of its queues moves only when the test sends a
// message.

import { startBroker } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';
import { HandClock } from '../support/broker-clock.ts';

const [folder = '', now = '0'] = process.argv.slice(2);
const store = await openStore(folder, { pid: process.pid, isAlive: () => false });
const clock = new HandClock();
clock.move(Number(now));
const broker = await startBroker({ store, clock });

process.on('message', async ({ move }: { move: number }) => {
  clock.move(move);
  // Waits for several commits, because dead letters are written later than the messages that cause them.
  for (let commits = 0; commits < 5; commits += 1) {
    await new Promise<void>((resolve) => store.committed(() => resolve()));
    await new Promise((turned) => setImmediate(turned));
  }
  process.send?.({ moved: move });
});
process.once('SIGTERM', async () => {
  await broker.close();
  process.exit(0);
});
process.send?.({ url: broker.url });
