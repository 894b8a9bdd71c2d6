// The embedded broker with its management API, for a test that measures its turns of the event loop: `start` and `stop` by
// IPC; the answer to `stop` is the processor time of the longest turn, in milliseconds.

import { startManagement } from '../../src/broker/management.ts';
import { startBroker } from '../../src/broker/server.ts';

const broker = await startBroker();
const management = await startManagement(broker);
const spentMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
let longest = 0;
let last = 0;
let isMeasuring = false;

function turn(): void {
  const now = spentMs();
  longest = Math.max(longest, now - last);
  last = now;
  if (isMeasuring) setImmediate(turn);
}

process.on('message', (word) => {
  isMeasuring = word === 'start';
  if (isMeasuring) {
    globalThis.gc?.();
    last = spentMs();
    longest = 0;
  }
  turn();
  process.send?.({ longest });
});
process.on('disconnect', () => process.exit());
process.send?.({ port: broker.port, managementPort: management.port });
