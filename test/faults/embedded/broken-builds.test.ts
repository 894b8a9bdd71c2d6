// Checks that the trials can fail. They must fail for a build of mq with one deliberate error, and for the expected reason. An
// unchanged build must pass the same trials.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seedOf } from '../../support/random.ts';
import { edited, withBuild } from '../broken-build.ts';
import { brokenBuilds } from '../broken-builds.ts';
import { roleFaults } from '../role-faults.ts';
import { runTrial, type Trial } from '../trial.ts';
import { embeddedBroker } from '../trial-broker.ts';
import type { Verdict } from '../verdict.ts';

const seed = seedOf('MQ_FAULTS_SEED');

for (const { title, edits, fault, caught, handlerMs, recoveryLimitMs } of brokenBuilds) {
  test(`detects a build that ${title} (MQ_FAULTS_SEED=${seed})`, async () => {
    const { failures } = await withBuild(edits, (executable) =>
      trial(fault, {
        executable,
        settleMs: 5000,
        ...(handlerMs && { handlerMs }),
        ...(recoveryLimitMs && { recoveryLimitMs }),
      }),
    );
    assert.ok(
      failures.some((failure) => caught.test(failure)),
      `the trial did not find the error: ${JSON.stringify(failures)}`,
    );
  });
}

test(`an unchanged build passes all of these trials (MQ_FAULTS_SEED=${seed})`, async () => {
  await withBuild([], async (executable) => {
    for (const fault of new Set(brokenBuilds.map((build) => build.fault)))
      assert.equal((await trial(fault, { executable })).failures, [], fault);
  });
});

test('an edit requires that its text occurs exactly once', () => {
  assert.is(edited('a b c', ['x.ts', 'b', '$&']), 'a $& c');
  assert.throws(() => edited('a b b', ['x.ts', 'b', 'c']), /2 times instead of once/);
  assert.throws(() => edited('a', ['x.ts', 'b', 'c']), /0 times instead of once/);
});

async function trial(name: string, how: Partial<Trial>): Promise<Verdict> {
  const fault = roleFaults.find((one) => one.name === name);
  if (fault === undefined) throw new Error(`no fault "${name}"`);
  const broker = await embeddedBroker();
  try {
    return await runTrial({
      broker,
      faults: [fault],
      seed,
      times: 1,
      healthyMs: 300,
      ...how,
    });
  } finally {
    await broker.end();
  }
}

test.run();
