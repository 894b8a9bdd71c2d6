// Injects each fault of RabbitMQ into a simulated cluster with a publisher and two receivers. No confirmed message is lost, every
// role ends with a documented status, and the clients notice each fault.

import './world/globals.ts';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cluster } from './rabbitmq/cluster.ts';
import { rabbitmqFaults } from './rabbitmq/faults.ts';
import { type Injection, runTrial, type TrialResult } from './rabbitmq/trial.ts';

interface Expected {
  /** A line in the log of one of the roles. */
  readonly logs?: RegExp;
  /** True if the broker delivers messages again. */
  readonly redelivers?: boolean;
  /** True if the publisher reports refused messages. */
  readonly refuses?: boolean;
  /** Milliseconds that the slowest confirm takes at least. */
  readonly slowestMs?: number;
  /** Duration of the fault in milliseconds. Default: 30 s, or the longest duration if that is shorter. */
  readonly holdMs?: number;
}

const moved = /connecting again[\s\S]*connected again/;

const expected: Readonly<Record<string, Expected>> = {
  'node killed': { logs: moved, redelivers: true },
  'machine switched off': { logs: /has not answered in 10 s; connecting again/, redelivers: true },
  'node paused': { logs: /has not answered in 10 s; connecting again/, redelivers: true },
  'node cut off from its clients': { logs: /connecting again/, redelivers: true },
  'node in the minority': { logs: /has not answered in 10 s; connecting again/, redelivers: true },
  'node in the minority closes its connections': {
    logs: /closed the connection: broker forced connection closure/,
    redelivers: true,
    holdMs: 5000,
  },
  'node in the minority pauses itself': { logs: moved, redelivers: true },
  'late confirms': { slowestMs: 10 },
  'publishes refused': { logs: /the broker refused a message/, refuses: true },
  'enqueued publishes nacked': { logs: /the broker refused a message/, refuses: true },
  'consumers cancelled': { logs: /the broker cancelled the consumer; consuming again/, redelivers: true },
  'consumers forgotten': { redelivers: true },
  'leader changed': { redelivers: true },
  'memory alarm': { logs: /blocks publishing: low on memory[\s\S]*accepts messages again/, slowestMs: 25_000 },
  'connections closed by management': { logs: /Closed via management plugin; connecting again/, redelivers: true },
  'node drained': { logs: /maintenance mode; connecting again/, redelivers: true },
  'consumer timeout of 4.0': { logs: /longer than the consumer timeout of 1800 s/, redelivers: true },
  'consumer timeout of 4.3': { logs: /the broker cancelled the consumer/, redelivers: true },
};

const faults = suite('faults of RabbitMQ');
for (const fault of rabbitmqFaults) {
  faults(`loses no message: ${fault.name}`, async () => {
    const wanted = expected[fault.name];
    assert.ok(wanted, 'the test knows the effect of each fault');
    const { holdMs = Math.min(30_000, fault.holdMs[1]) } = wanted;
    const result = await runTrial({ seed: 1, injections: [{ fault, at: 4000, holdMs }] });
    assertSafe(result);
    if (wanted.logs) assert.match(result.stderr, wanted.logs);
    assert.is(result.redelivered > 0, wanted.redelivers === true);
    assert.is(refusedIn(result).length > 0, wanted.refuses === true);
    assert.ok(result.slowestMs >= (wanted.slowestMs ?? 0), `the slowest confirm took ${result.slowestMs} ms`);
  });
}

faults('a cluster without a fault delivers each message once', async () => {
  const result = await runTrial({ seed: 1 });
  assertSafe(result);
  assert.equal([result.handled.length, result.redelivered], [50, 0]);
  assert.ok(result.slowestMs < 10);
});

faults('a refused message is in no queue, and a nacked one can be', async () => {
  const refused = await runTrial({ seed: 1, injections: [inject('publishes refused', 5000)] });
  assert.equal(
    refusedIn(refused).filter((body) => refused.handled.includes(body)),
    [],
  );
  const nacked = await runTrial({ seed: 1, injections: [inject('enqueued publishes nacked', 5000)] });
  assert.equal(
    refusedIn(nacked).filter((body) => !nacked.handled.includes(body)),
    [],
  );
});

faults('a message is handled twice after a change of the leader', async () => {
  const { handled } = await runTrial({ seed: 1, injections: [inject('leader changed', 1000)] });
  assert.ok(handled.length > 50);
});

faults('a receiver consumes again if the broker has dropped only its consumer', async () => {
  const result = await runTrial({
    seed: 1,
    injections: [{ fault: { name: 'one consumer forgotten', holdMs: [0, 0], inject: forgetOne }, at: 4000, holdMs: 0 }],
    handlerSeconds: 6,
  });
  assertSafe(result);
  assert.is(result.stderr.match(/has dropped the consumer of the queue; consuming again/g)?.length, 1);
});

faults('a publisher leaves a node in the minority after 25 s without a confirm', async () => {
  const result = await runTrial({ seed: 6, injections: [inject('node in the minority', 60_000)] });
  assertSafe(result);
  assert.match(result.stderr, /mq send: the node has confirmed nothing in 25 s; connecting again/);
  assert.ok(result.slowestMs > 25_000 && result.slowestMs < 27_000);
});

faults('a publisher treats the late nack of a node in the minority as no quorum', async () => {
  const result = await runTrial({ seed: 1, injections: [{ ...inject('node in the minority', 60_000), at: 60 }] });
  assertSafe(result);
  assert.equal(refusedIn(result), []);
  assert.match(result.stderr, /mq send: the node sent a nack after more than 10 s; connecting again/);
});

faults('RabbitMQ 4.3 cancels no consumer of a classic queue', async () => {
  const injections = [inject('consumer timeout of 4.3', 0)];
  const { redelivered, stderr } = await runTrial({ seed: 1, injections, queueType: 'classic' });
  assert.is(redelivered, 0);
  assert.not.match(stderr, /cancelled/);
});

faults('the same seed has the same trace, and another seed another one', async () => {
  const injections = [inject('node in the minority', 30_000)];
  const hashes: string[] = [];
  for (const seed of [7, 7, 8]) hashes.push((await runTrial({ seed, injections })).hash);
  assert.is(hashes[0], hashes[1]);
  assert.is.not(hashes[0], hashes[2]);
});
faults.run();

function inject(name: string, holdMs: number): Injection {
  const fault = rabbitmqFaults.find((each) => each.name === name);
  assert.ok(fault, name);
  return { fault, at: 4000, holdMs };
}

/** Drops the consumer of the second receiver, which is connected to the last node. */
function forgetOne({ nodes }: Cluster): undefined {
  nodes[2]?.do(() => {
    for (const { channels } of nodes[2]?.connections ?? [])
      for (const channel of channels.values()) for (const tag of [...channel.consumers.keys()]) channel.forget(tag);
  });
}

function refusedIn({ outcomes }: TrialResult): string[] {
  return [...outcomes].flatMap(([body, outcome]) => (outcome === 'refused' ? [body] : []));
}

/** Asserts that each message has an outcome, each confirmed one was handled, and each role has ended as documented. */
function assertSafe(result: TrialResult): void {
  const { outcomes, handled, publisherStatus, receiverStatuses } = result;
  assert.is(outcomes.size, 50);
  const lost = [...outcomes].filter(([body, outcome]) => outcome === 'confirmed' && !handled.includes(body));
  assert.equal(lost, []);
  assert.is(publisherStatus, refusedIn(result).length > 0 ? 75 : 0);
  assert.equal(receiverStatuses, [0, 0]);
}
