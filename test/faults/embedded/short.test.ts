// Faults one after the other while messages flow, on the embedded broker: nothing is lost, nobody goes deaf.
//   MQ_FAULTS_SEED=1   which moments

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seedOf } from '../../robustness/random.ts';
import { embeddedPlace } from '../place.ts';
import { roleFaults } from '../role-faults.ts';
import { drawTable } from '../table.ts';
import { runTrial } from '../trial.ts';

const seed = seedOf('MQ_FAULTS_SEED');
const trials: readonly (readonly [title: string, faults: readonly string[]])[] = [
  [
    'the broker, connections and roles are killed and told to end',
    [
      'connections closed by management',
      'kill -9 of the broker',
      'kill -9 of a receiver',
      'kill -9 of the publisher',
      'SIGTERM of any role',
    ],
  ],
  ['connections are closed, and one receiver with prefetch 1 keeps the order', ['connections closed, in order']],
];

for (const [title, names] of trials) {
  test(`${title} (MQ_FAULTS_SEED=${seed})`, async () => {
    const faults = names.flatMap((name) => roleFaults.filter((fault) => fault.name === name));
    assert.is(faults.length, names.length);
    const place = await embeddedPlace();
    try {
      const verdict = await runTrial({ place, faults, seed, times: 2, healthyMs: 600 });
      console.log(drawTable([{ fault: title, verdict }]));
      assert.equal(verdict.failures, []);
    } finally {
      await place.end();
    }
  });
}

test.run();
