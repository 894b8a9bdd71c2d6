// Replaces the queue `orders` in this process, and ends the process with SIGKILL before one of the changes. Prints the name
// of each change. Arguments: the number of the change, from 0. Without it, the process finishes.

import { readFileSync } from 'node:fs';
import { locateManagement } from '../../src/admin/address.ts';
import { Management } from '../../src/admin/client.ts';
import { replaceQueue } from '../../src/apply/replace.ts';
import { parseAddresses } from '../../src/config/address.ts';
import { builtinConfig } from '../../src/config/load.ts';
import { newCounts } from '../../src/session/counts.ts';
import { Session } from '../../src/session/session.ts';
import { wantedTopology } from '../../src/topology/wanted.ts';

const { MQ_CONFIG = '', MQ_URL = '', MQ_MANAGEMENT_URL = '' } = process.env;
const killAt = process.argv[2] === undefined ? Number.NaN : Number(process.argv[2]);
const config = builtinConfig(JSON.parse(readFileSync(MQ_CONFIG, 'utf8')));
const addresses = parseAddresses(MQ_URL, { at: 'MQ_URL', code: 'USAGE' });
const [wanted] = wantedTopology(config, '/').queues;
if (wanted === undefined) throw new Error('the file defines no queue');
const api = new Management({
  addresses: locateManagement({ option: undefined, variable: MQ_MANAGEMENT_URL, connections: addresses }).addresses,
});
const session = new Session({
  config,
  addresses,
  role: 'apply',
  confirmTimeoutMs: 30_000,
  say: () => undefined,
  counts: newCounts(),
});
let points = 0;
await replaceQueue(
  {
    ...{ vhost: addresses[0]?.vhost ?? '/', name: '/', api, session },
    declarer: () => session.declarer('/'),
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onResult: () => undefined,
  },
  {
    wanted,
    defaultQueueType: undefined,
    onPoint: (point) => {
      if (points === killAt) process.kill(process.pid, 'SIGKILL');
      points += 1;
      console.log(point);
    },
  },
);
await session.close();
api.close();
