// The short form of `npm run test:faults` on a cluster: faults one after the other while messages flow through a quorum
// queue, and those of a classic queue.
//   MQ_FAULTS_SEED=1   which moments

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attachCluster } from '../../../src/cluster/cluster.ts';
import { seedOf } from '../../robustness/random.ts';
import type { TestBroker } from '../../support/vhost.ts';
import { clusterFaults } from '../cluster-faults.ts';
import { ledgers, runLedger } from '../ledger.ts';
import { clusterPlace } from '../place.ts';
import { roleFaults } from '../role-faults.ts';
import { drawTable } from '../table.ts';
import { runTrial } from '../trial.ts';

const seed = seedOf('MQ_FAULTS_SEED');
const { cluster: name = '' } = JSON.parse(process.env['MQ_TEST_BROKER'] ?? '{}') as Partial<TestBroker>;
const cluster = await attachCluster({ name });
const trials: readonly (readonly [title: string, faults: readonly string[]])[] = [
  [
    'nodes are killed, paused and cut off, memory is short, connections and roles end',
    [
      "leader's node killed",
      'connections closed by management',
      "leader's node paused",
      'kill -9 of a receiver',
      'memory alarm',
      'kill -9 of the publisher',
      "leader's node cut off",
      'SIGTERM of any role',
    ],
  ],
  ['the whole cluster goes down and comes back', ['whole cluster down']],
  ['the broker cancels the consumers of a classic queue', ['consumers cancelled by the broker']],
];

for (const [title, names] of trials) {
  test(`${title} (MQ_FAULTS_SEED=${seed})`, async () => {
    const faults = names.flatMap((name) => [...clusterFaults, ...roleFaults].filter((fault) => fault.name === name));
    assert.is(faults.length, names.length);
    const place = await clusterPlace(cluster);
    try {
      const verdict = await runTrial({ place, faults, seed, times: 1 });
      console.log(drawTable([{ fault: title, verdict }]));
      assert.equal(verdict.failures, []);
    } finally {
      await place.end();
    }
  });
}

for (const ledger of ledgers.filter(({ policy }) => policy === 'retry' || policy === 'requeue')) {
  test(`${ledger.name}: no message is lost, and none loops`, async () => {
    const place = await clusterPlace(cluster);
    try {
      const verdict = await runLedger({ place, ledger, messages: 200, stuckMs: 10_000 });
      console.log(drawTable([{ fault: ledger.name, verdict }]));
      assert.equal(verdict.failures, []);
    } finally {
      await place.end();
    }
  });
}

test.run();
