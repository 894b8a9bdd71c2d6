// Runs the embedded broker with its management API, for a test that measures its event loop turns. It receives `start` and
// `stop` by IPC, and a bystander runs between them. The bystander runs in the broker's thread, so its waits are measured in
// processor time of this thread, which other programs do not affect. The answer to `stop` contains the longest turn and the
// longest wait, in milliseconds. The optional argument is the folder of a store.

import { startManagement } from '../../src/broker/management.ts';
import { startBroker } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';
import { Bystander } from './bystander.ts';

const [, , folder] = process.argv;
const store = folder === undefined ? undefined : await openStore(folder, { pid: process.pid, isAlive: () => false });
const broker = await startBroker(store && { store });
const management = await startManagement(broker);
const spentMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
let longest = 0;
let last = 0;
let bystander: Bystander | undefined;

function turn(): void {
  const now = spentMs();
  longest = Math.max(longest, now - last);
  last = now;
  if (bystander !== undefined) setImmediate(turn);
}

async function start(): Promise<object> {
  globalThis.gc?.();
  bystander = await Bystander.start(broker.port, spentMs);
  last = spentMs();
  longest = 0;
  turn();
  return {};
}

async function stop(): Promise<object> {
  const stopped = bystander;
  await stopped?.stop();
  bystander = undefined;
  turn();
  return { longest, wait: stopped?.longestMs, rounds: stopped?.rounds };
}

process.on('message', async (word) => process.send?.(await (word === 'start' ? start() : stop())));
process.on('disconnect', () => process.exit());
process.send?.({ port: broker.port, managementPort: management.port });
