// The embedded broker on a folder, for a test that kills it: says its port when it is ready, and runs until then.
// CRASH_BREAK=confirm: confirms come before anything is on disk, which the test has to find out.

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
