// npm run bench: measures mq against other programs in turn, in processor time first, and prints a table for each part.
// It has no limits: a benchmark measures, a test decides.
//   --only PART[,PART]   default: all parts
//   --runs N             rounds of each comparison (3)
//   --messages N         messages of each measurement (60000)
// MQ_URL is the address of the broker (MQ_MANAGEMENT_URL: its management API). Without it, a node is started from the
// image mq-rabbitmq:4.3, which test/setup builds.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { broker } from './parts/broker.ts';
import { consume, memory, publish } from './parts/clients.ts';
import { cluster } from './parts/cluster.ts';
import { adminList, oneShot, start } from './parts/commands.ts';
import { contracts } from './parts/contracts.ts';
import { growth, growthOfRabbitMq } from './parts/growth.ts';
import { harness } from './parts/harness.ts';
import { openNode, type RabbitNode, type Settings } from './parts/node.ts';
import { exec, execLines } from './parts/programs.ts';
import { tap } from './parts/tap.ts';
import { say } from './table.ts';

const parts: Readonly<Record<string, (settings: Settings) => Promise<void>>> = {
  start,
  'one-shot': oneShot,
  publish,
  consume,
  exec,
  'exec-lines': execLines,
  memory,
  'admin-list': adminList,
  harness,
  broker,
  growth,
  'growth-rabbitmq': growthOfRabbitMq,
  cluster,
  tap,
  contracts,
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(parts).join(',') },
    runs: { type: 'string', default: '3' },
    messages: { type: 'string', default: '60000' },
  },
});

async function main(): Promise<void> {
  const chosen = values.only.split(',').map((name) => {
    const part = parts[name];
    if (!part) throw new Error(`no part '${name}'; the parts are ${Object.keys(parts).join(', ')}`);
    return part;
  });
  let opened: Promise<RabbitNode> | undefined;
  const node = () => {
    opened ??= openNode();
    return opened;
  };
  const settings = { runs: Number(values.runs), messages: Number(values.messages), node };
  say(`${settings.runs} rounds; ${settings.messages} messages of 100 bytes; ${availableParallelism()} cores`);
  say("medians; × is mq's figure divided by the other's: below 1, mq needs less time and memory");
  try {
    for (const part of chosen) await part(settings);
  } finally {
    await (await opened)?.stop();
  }
}

await main();
