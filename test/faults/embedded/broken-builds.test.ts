// Checks that the checker can fail: it detects builds of mq with one deliberate error in the delivery, for the expected
// reason. An unchanged build passes the same trials.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seedOf } from '../../support/random.ts';
import { type Edit, edited, withBuild } from '../broken-build.ts';
import { embeddedPlace } from '../place.ts';
import { roleFaults } from '../role-faults.ts';
import { runTrial, type Trial } from '../trial.ts';
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
    title: 'a message acknowledged before its handler ends is lost with its receiver',
    edits: [
      [
        'roles/consuming/intake.ts',
        'const outcome = await this.#outcomeOf(message);',
        'pending.delivery.ack(); const outcome = await this.#outcomeOf(message);',
      ],
    ],
    fault: 'kill -9 of a receiver',
    handlerMs: 40,
    caught: /^\d+ lost: /,
  },
  {
    title: 'a nack that counts as a confirm is a loss',
    edits: [
      [
        'session/publisher.ts',
        "else if (error) this.#settle(entry, { type: 'refused', error: nacked(entry.message) });",
        '',
      ],
    ],
    fault: 'queue full, publishes rejected',
    caught: /^\d+ lost: /,
  },
  {
    title: 'a window dropped on a reconnect leaves messages without an outcome',
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
    title: 'an ignored return is a loss',
    edits: [
      ['session/publisher.ts', "channel.on('return', (returned: RawMessage) => this.#markReturned(returned));", ''],
    ],
    fault: 'queue unbound',
    caught: /^\d+ lost: /,
  },
  {
    title: 'a message that is not mandatory is lost without a queue',
    edits: [
      [
        'session/publisher.ts',
        'ownProperties(properties), mandatory }',
        'ownProperties(properties), mandatory: false }',
      ],
    ],
    fault: 'queue unbound',
    caught: /^\d+ lost: /,
  },
  {
    title: 'a receiver that does not consume again does not recover',
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
  test(`${title} (MQ_FAULTS_SEED=${seed})`, async () => {
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
      `not caught: ${JSON.stringify(failures)}`,
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
  const place = await embeddedPlace();
  try {
    return await runTrial({
      place,
      faults: [fault],
      seed,
      times: 1,
      healthyMs: 300,
      ...how,
    });
  } finally {
    await place.end();
  }
}

test.run();
