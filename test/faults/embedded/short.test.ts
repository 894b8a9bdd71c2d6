// Injects faults in sequence while messages flow, on the embedded broker: no message is lost, and every role has a consumer
// again.
//   MQ_FAULTS_SEED=1   selects the moments of the faults

import { test } from 'uvu';
import { roleFaults } from '../role-faults.ts';
import { testTrials } from '../short.ts';
import { embeddedBroker } from '../trial-broker.ts';

const trials = {
  'no loss if the broker, connections and roles are killed or ended': [
    'connections closed by management',
    'kill -9 of the broker',
    'kill -9 of a receiver',
    'kill -9 of the publisher',
    'SIGTERM of any role',
  ],
  'one receiver with prefetch 1 keeps the order if connections are closed': ['connections closed, in order'],
};
testTrials({ faults: roleFaults, trials, times: 2, healthyMs: 600 }, embeddedBroker);

test.run();
