// Runs the short form of `npm run test:faults` on a cluster: faults in sequence while messages flow through a quorum queue, a
// fault of a classic queue, and ledger runs.
//   MQ_FAULTS_SEED=1   selects the moments of the faults

import { test } from 'uvu';
import { attachCluster } from '../../../src/cluster/cluster.ts';
import type { TestBroker } from '../../support/vhost.ts';
import { clusterFaults } from '../cluster-faults.ts';
import { ledgers } from '../ledger.ts';
import { roleFaults } from '../role-faults.ts';
import { testLedgers, testTrials } from '../short.ts';
import { clusterBroker } from '../trial-broker.ts';

const { cluster: name = '' } = JSON.parse(process.env['MQ_TEST_BROKER'] ?? '{}') as Partial<TestBroker>;
const cluster = await attachCluster({ name });
const makeBroker = () => clusterBroker(cluster);
const trials = {
  'no loss if nodes fail or run out of memory, and connections and roles end': [
    "leader's node killed",
    'connections closed by management',
    "leader's node paused",
    'kill -9 of a receiver',
    'memory alarm',
    'kill -9 of the publisher',
    "leader's node cut off",
    'SIGTERM of any role',
  ],
  'no loss if the whole cluster is down for a while': ['whole cluster down'],
  'no loss if the broker cancels the consumers of a classic queue': ['consumers cancelled by the broker'],
};
testTrials({ faults: [...clusterFaults, ...roleFaults], trials, times: 1 }, makeBroker);
testLedgers(
  ledgers.filter(({ policy }) => policy === 'retry' || policy === 'requeue'),
  makeBroker,
);

test.run();
