// For comparison: Rascal's own publish, one session per message, at most WINDOW at a time.
//   QUEUE WINDOW POOL   each line of standard input

import { createInterface } from 'node:readline';
import rascal from 'rascal';

const [, , queue = '', window = '256', pool = '5'] = process.argv;
const pools = { publicationChannelPools: { confirmPool: { max: Number(pool), min: 1 } } };
const config = {
  vhosts: {
    '/': {
      ...pools,
      connections: [{ url: process.env['MQ_URL'], socketOptions: { noDelay: true } }],
      queues: { [queue]: { assert: false } },
    },
  },
  publications: { lines: { vhost: '/', queue } },
};

rascal.createBroker(config, {}, (error, broker) => {
  if (error || !broker) throw error ?? new Error('no broker');
  let unconfirmed = 0;
  let ended = false;
  const lines = createInterface({ input: process.stdin });
  // biome-ignore lint/suspicious/noExplicitAny: mq does not use Rascal's publish and declares no type for it
  const { publish } = broker as any;
  const settled = () => {
    unconfirmed -= 1;
    if (unconfirmed < Number(window)) lines.resume();
    if (ended && unconfirmed === 0) broker.shutdown(() => process.exit(0));
  };
  lines.on('line', (line) => {
    unconfirmed += 1;
    if (unconfirmed >= Number(window)) lines.pause();
    // biome-ignore lint/suspicious/noExplicitAny: as above
    publish('lines', line, (failed: Error | null, session: any) => {
      if (failed) throw failed;
      session.on('success', settled);
      session.on('error', (refused: Error) => {
        throw refused;
      });
    });
  });
  lines.on('close', () => {
    ended = true;
  });
});
