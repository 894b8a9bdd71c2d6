// Runs the baseline of Rascal: its own publish with one session for each message, at most WINDOW at a time.
//   QUEUE WINDOW POOL   publishes each line of standard input

import rascal from 'rascal';
import { lineBatches } from './lines.ts';

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

rascal.createBroker(config, {}, async (error, broker) => {
  if (error || !broker) throw error ?? new Error('no broker');
  // biome-ignore lint/suspicious/noExplicitAny: mq does not use Rascal's publish and declares no type for it
  const { publish } = broker as any;
  let unconfirmed = 0;
  let resume: () => void = () => undefined;
  const until = async (most: number) => {
    while (unconfirmed > most) {
      await new Promise<void>((next) => {
        resume = next;
      });
    }
  };
  const settled = () => {
    unconfirmed -= 1;
    resume();
  };
  for await (const lines of lineBatches()) {
    for (const line of lines) {
      await until(Number(window) - 1);
      unconfirmed += 1;
      // biome-ignore lint/suspicious/noExplicitAny: as above
      publish('lines', line, (failed: Error | null, session: any) => {
        if (failed) throw failed;
        session.on('success', settled);
        session.on('error', (refused: Error) => {
          throw refused;
        });
      });
    }
  }
  await until(0);
  broker.shutdown(() => process.exit(0));
});
