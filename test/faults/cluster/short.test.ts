// Runs the short form of `npm run test:faults` on a cluster: faults in sequence while messages flow through a quorum queue,
// and the faults of a classic queue.
//   MQ_FAULTS_SEED=1   selects the moments of the faults

import { test } from 'uvu';
import { attachCluster } from '../../../src/cluster/cluster.ts';
import type { TestBroker } from '../../support/vhost.ts';
import { clusterFaults } from '../cluster-faults.ts';
import { ledgers } from '../ledger.ts';
import { clusterPlace } from '../place.ts';
import { roleFaults } from '../role-faults.ts';
import { testLedgers, testTrials } from '../short.ts';

const { cluster: name = '' } = JSON.parse(process.env['MQ_TEST_BROKER'] ?? '{}') as Partial<TestBroker>;
const cluster = await attachCluster({ name });
const makePlace = () => clusterPlace(cluster);
const trials = {
  'nodes are killed, paused and cut off, memory is short, connections and roles end': [
    "leader's node killed",
    'connections closed by management',
    "leader's node paused",
    'kill -9 of a receiver',
    'memory alarm',
    'kill -9 of the publisher',
    "leader's node cut off",
    'SIGTERM of any role',
  ],
  'the whole cluster goes down and comes back': ['whole cluster down'],
  'the broker cancels the consumers of a classic queue': ['consumers cancelled by the broker'],
};
testTrials({ faults: [...clusterFaults, ...roleFaults], trials, times: 1 }, makePlace);
testLedgers(
  ledgers.filter(({ policy }) => policy === 'retry' || policy === 'requeue'),
  makePlace,
);

test.run();
