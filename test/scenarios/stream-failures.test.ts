// Tests failed messages of a stream. The worker retries them itself, and never publishes them to the stream again.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

for (const [how, status, retry, runs] of [
  ['fails', '1', {}, 2],
  ['requests dead-lettering', '3', {}, 1],
  ['fails with onFail drop', '1', { onFail: 'drop' }, 1],
] as const) {
  test(`the length of a stream does not change if each handler ${how}`, async () => {
    const stream = `stream-${status}-${runs}`;
    const handler = { exec: ['sh', '-c', `echo "$(cat) $MQ_ATTEMPT"; exit ${status}`] };
    const cwd = emptyFolder({
      'rascal.json': JSON.stringify({
        vhosts: {
          '/': { queues: { [stream]: { options: { durable: true, arguments: { 'x-queue-type': 'stream' } } } } },
        },
        publications: { events: { queue: stream } },
        subscriptions: {
          events: { queue: stream, prefetch: 5, options: { arguments: { 'x-stream-offset': 'first' } } },
        },
        mq: { retry: { attempts: 2, delays: [100], ...retry }, roles: { read: { consume: 'events', handler } } },
      }),
    });
    const bodies = ['a', 'b', 'c', 'd', 'e'];
    assert.is((await roles.runHere(['publish', 'events', '--lines'], { cwd, input: bodies.join('\n') })).status, 0);
    const { status: end, stdout, stderr } = await roles.run(['read', '--count', '5'], { cwd });
    assert.is(end, 0, stderr);
    const attempts = bodies.flatMap((body) => Array.from({ length: runs }, (_, index) => `${body} ${index + 1}`));
    assert.equal(lines(stdout).toSorted(), attempts);
    const reader = await roles.run(['subscribe', 'events', '--until-empty'], { cwd });
    assert.equal(lines(reader.stdout), bodies, 'every reader sees each message once');
    if ('onFail' in retry) return;
    const dead = await roles.take(`${stream}.dead`, 5);
    assert.equal(dead.map(({ payload }) => payload).toSorted(), bodies);
  });
}

test('a replay of dead letters does not append them to their stream', async () => {
  const stream = 'stream-replay';
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: {
        '/': { queues: { [stream]: { options: { durable: true, arguments: { 'x-queue-type': 'stream' } } } } },
      },
      publications: { events: { queue: stream } },
      subscriptions: { events: { queue: stream } },
      mq: {
        retry: { attempts: 2, delays: [10] },
        roles: { read: { consume: 'events', handler: { exec: ['sh', '-c', 'test $(cat) -gt 2'] } } },
      },
    }),
  });
  const bodies = ['1', '2', '3', '4', '5'];
  const all = ['subscribe', 'events', '--offset', 'first', '--until-empty'];
  assert.is((await roles.runHere(['publish', 'events', '--lines'], { cwd, input: bodies.join('\n') })).status, 0);
  assert.is((await roles.run(['read', '--offset', 'first', '--count', '5'], { cwd })).status, 0);
  const list = await roles.runHere(['dlq', 'list', '--queue', stream], { cwd });
  assert.is(list.status, 78);
  assert.match(list.stderr, `mq dlq list --queue ${stream}.dead`);
  const replay = await roles.runHere(['dlq', 'replay', 'read'], { cwd });
  assert.is(replay.status, 65);
  assert.match(replay.stderr, '2 of 2 messages stay in stream-replay.dead: it failed in the stream');
  const toExchange = await roles.runHere(['dlq', 'replay', 'read', '--to-exchange', '--yes'], { cwd });
  assert.is(toExchange.status, 65);
  assert.match(toExchange.stderr, "it failed in the stream 'stream-replay', whose other readers would get a copy");
  assert.equal(lines((await roles.run(all, { cwd })).stdout), bodies);
  const dead = await roles.take(`${stream}.dead`, 2);
  assert.equal(dead.map(({ properties }) => properties.headers?.['x-mq-offset']).toSorted(), [0, 1]);
});

test('a header that the stream would drop is refused, also through an exchange', async () => {
  const stream = 'stream-headers';
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: {
        '/': {
          exchanges: { 'stream-facts': { type: 'topic' } },
          queues: { [stream]: { options: { durable: true, arguments: { 'x-queue-type': 'stream' } } } },
          bindings: [`stream-facts[eu.#] -> ${stream}`],
        },
      },
      publications: { events: { queue: stream }, facts: { exchange: 'stream-facts', routingKey: 'eu.it' } },
      subscriptions: { events: { queue: stream } },
    }),
  });
  for (const target of [['events'], ['facts'], ['--exchange', 'stream-facts', '--routing-key', 'eu.it']]) {
    const refused = await roles.runHere(['publish', ...target, '--header', 'tags:=["a"]', 'lost'], { cwd });
    assert.is(refused.status, 65);
    assert.match(refused.stderr, "the header 'tags' is an array, which the stream 'stream-headers' does not keep");
  }
  for (const publication of ['events', 'facts']) {
    const { status } = await roles.runHere(['publish', publication, '--header', 'x-tags:=["a"]', publication], { cwd });
    assert.is(status, 0);
  }
  const read = ['subscribe', 'events', '--offset', 'first', '--until-empty', '--json'];
  const { stdout } = await roles.run(read, { cwd });
  const received = lines(stdout).map((line) => JSON.parse(line) as { body: string; headers: Record<string, unknown> });
  assert.equal(
    received.map(({ body, headers }) => [body, headers['x-tags']]),
    [
      ['events', ['a']],
      ['facts', ['a']],
    ],
  );
});

test.run();
