// The checker can fail: mq with its delivery broken in one place is caught, for the reason that the place gives. What is
// not broken passes the same trials.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seedOf } from '../../robustness/random.ts';
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
  readonly deafMs?: number;
}

const brokenBuilds: readonly BrokenBuild[] = [
  {
    title: 'a message acknowledged before its handler has done it is lost with its receiver',
    edits: [
      [
        'roles/consuming/intake.ts',
        'const outcome = await this.#outcomeOf(message);',
        'taken.delivery.ack(); const outcome = await this.#outcomeOf(message);',
      ],
    ],
    fault: 'kill -9 of a receiver',
    handlerMs: 40,
    caught: /^\d+ lost: /,
  },
  {
    title: 'a nack that is taken for a confirm is a loss',
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
    title: 'a window that is dropped on reconnecting leaves messages without an outcome',
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
    title: 'a return that is ignored is a loss',
    edits: [
      ['session/publisher.ts', "channel.on('return', (returned: RawMessage) => this.#markReturned(returned));", ''],
    ],
    fault: 'queue unbound',
    caught: /^\d+ lost: /,
  },
  {
    title: 'a message that is not mandatory is lost where there is no queue',
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
    title: 'a receiver that does not consume again is deaf',
    edits: [
      [
        'session/consumer.ts',
        "this.emit('interrupted', failure);\n      this.#again();",
        "this.emit('interrupted', failure);",
      ],
    ],
    fault: 'connections closed by management',
    deafMs: 3000,
    caught: /^deaf after /,
  },
];

const seed = seedOf('MQ_FAULTS_SEED');

for (const { title, edits, fault, caught, handlerMs, deafMs } of brokenBuilds) {
  test(`${title} (MQ_FAULTS_SEED=${seed})`, async () => {
    const { failures } = await withBuild(edits, (executable) =>
      trial(fault, { executable, settleMs: 5000, ...(handlerMs && { handlerMs }), ...(deafMs && { deafMs }) }),
    );
    assert.ok(
      failures.some((failure) => caught.test(failure)),
      `not caught: ${JSON.stringify(failures)}`,
    );
  });
}

test(`the same, not broken, passes all of these trials (MQ_FAULTS_SEED=${seed})`, async () => {
  await withBuild([], async (executable) => {
    for (const fault of new Set(brokenBuilds.map((build) => build.fault)))
      assert.equal((await trial(fault, { executable })).failures, [], fault);
  });
});

test('a build is broken only where its text stands exactly once', () => {
  assert.is(edited('a b c', ['x.ts', 'b', '$&']), 'a $& c');
  assert.throws(() => edited('a b b', ['x.ts', 'b', 'c']), /2 times, not once/);
  assert.throws(() => edited('a', ['x.ts', 'b', 'c']), /0 times, not once/);
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
