// Runs the embedded broker with a store, for a test that kills it. Prints the URL of the broker when it is ready.
// With CRASH_BREAK=confirm, the broker confirms a message before it is on disk, which the test must detect.

import { startBroker } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';

const store = await openStore(process.argv[2] ?? '', {
  pid: process.pid,
  isAlive: () => false,
  segmentBytes: 256 * 1024,
  slackBytes: 512 * 1024,
});
if (process.env['CRASH_BREAK'] === 'confirm') store.committed = (done) => queueMicrotask(done);
const broker = await startBroker({ store });
process.stdout.write(`${JSON.stringify({ event: 'ready', url: broker.url })}\n`);
