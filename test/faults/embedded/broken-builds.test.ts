// Checks that the trials can fail. They must fail for a build of mq with one deliberate error, and for the expected reason. An
// unchanged build must pass the same trials.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seedOf } from '../../support/random.ts';
import { type Edit, edited, withBuild } from '../broken-build.ts';
import { roleFaults } from '../role-faults.ts';
import { runTrial, type Trial } from '../trial.ts';
import { embeddedBroker } from '../trial-broker.ts';
import type { Verdict } from '../verdict.ts';

interface BrokenBuild {
  readonly title: string;
  readonly edits: readonly Edit[];
  readonly fault: string;
  readonly caught: RegExp;
  readonly handlerMs?: number;
  readonly recoveryLimitMs?: number;
}

const brokenBuilds: readonly BrokenBuild[] = [
  {
    title: 'loses messages if they are acknowledged before the handler ends',
    edits: [
      [
        'roles/consuming/intake.ts',
        'const outcome = this.#runs.run(message, now);',
        'pending.delivery.ack(); const outcome = this.#runs.run(message, now);',
      ],
    ],
    fault: 'kill -9 of a receiver',
    handlerMs: 40,
    caught: /^\d+ lost: /,
  },
  {
    title: 'loses messages if a nack counts as a confirm',
    edits: [
      [
        'session/publisher.ts',
        "else if (isNack) this.#settle(entry, { type: 'refused', error: nacked(entry.message) });",
        '',
      ],
    ],
    fault: 'queue full, publishes rejected',
    caught: /^\d+ lost: /,
  },
  {
    title: 'leaves messages without an outcome if a reconnect drops the window',
    edits: [
      [
        'session/publisher.ts',
        'this.#window.rewind();',
        'for (const entry of [...this.#window]) this.#window.remove(entry);\n    this.#window.rewind();\n    this.#wake();',
      ],
    ],
    fault: 'kill -9 of the broker',
    caught: /^\d+ unaccounted: /,
  },
  {
    title: 'loses messages if basic.return is ignored',
    edits: [
      ['session/publisher.ts', "channel.on('return', (returned: RawMessage) => this.#markReturned(returned));", ''],
    ],
    fault: 'queue unbound',
    caught: /^\d+ lost: /,
  },
  {
    title: 'loses messages without a queue if they are not mandatory',
    edits: [['session/codec/message-frames.ts', 'writer.octet(mandatory ? 1 : 0);', 'writer.octet(0);']],
    fault: 'queue unbound',
    caught: /^\d+ lost: /,
  },
  {
    title: 'does not recover if a receiver does not consume again',
    edits: [
      [
        'session/consumer.ts',
        "this.emit('interrupted', failure);\n      this.#again();",
        "this.emit('interrupted', failure);",
      ],
    ],
    fault: 'connections closed by management',
    recoveryLimitMs: 3000,
    caught: /^no recovery after /,
  },
];

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
