// --on-fail and mq.retry decide about a failed message, on every queue type.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { messagesOf, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

interface Place {
  readonly queue: string;
  readonly type?: string;
  /** Field `mq.retry`. */
  readonly retry?: unknown;
  readonly queues?: Record<string, object>;
  readonly publications?: Record<string, object>;
  readonly exec?: string;
}

function folder({
  queue,
  type = 'quorum',
  retry,
  queues = {},
  publications = {},
  exec = 'cat; exit 9',
}: Place): string {
  const handler = { exec: ['sh', '-c', exec] };
  const config = {
    vhosts: {
      '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': type } } }, ...queues } },
    },
    publications: { work: { queue }, ...publications },
    subscriptions: { work: { queue, prefetch: 1 } },
    mq: {
      retry: { attempts: 3, delays: [50] },
      roles: { fail: { behaviour: 'consume', subscription: 'work', handler, ...(retry !== undefined && { retry }) } },
    },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

const send = (cwd: string, body: string) => roles.runHere(['publish', 'work', body], { cwd });
const durable = (more: object = {}) => ({
  options: { durable: true, arguments: { 'x-queue-type': 'quorum', ...more } },
});

for (const type of ['classic', 'quorum']) {
  test(`--on-fail dead-letter does not retry, on a ${type} queue`, async () => {
    const queue = `at-once-${type}`;
    const cwd = folder({ queue, type });
    const worker = await roles.receiver(['fail', '--on-fail', 'dead-letter', '--count', '1'], { cwd });
    await send(cwd, 'x');
    assert.is((await worker.ended).status, 0);
    const [dead] = await roles.take(`${queue}.dead`, 1);
    const { headers = {} } = dead!.properties;
    assert.equal([dead!.payload, headers['x-mq-attempt'], headers['x-mq-reason']], ['x', 1, 'exit status 9']);
    assert.is(await roles.held(queue), 0);
  });

  test(`--on-fail requeue redelivers after a pause, on a ${type} queue`, async () => {
    const queue = `back-${type}`;
    const exec = 'body=$(cat); [ "$body" = x ] && [ "$MQ_ATTEMPT" = 1 ] && exit 9; echo "$body"';
    const cwd = folder({ queue, type, exec });
    // Messages are handled one at a time. Without the pause, x would be redelivered before y.
    await roles.runHere(['publish', 'work', '--lines'], { cwd, input: 'x\ny\n' });
    const args = ['fail', '--on-fail', 'requeue', '--count', '3', '--prefetch', '1'];
    const { status, stdout, stderr } = await roles.run(args, { cwd });
    assert.equal({ status, stdout }, { status: 0, stdout: 'y\nx\n' });
    assert.match(stderr, /back to its queue/);
    assert.is(await roles.held(queue), 0);
  });

  test(`--on-fail drop deletes and reports the message, on a ${type} queue`, async () => {
    const queue = `gone-${type}`;
    const graves = `${queue}-graves`;
    const bury = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': graves };
    const queues = { [graves]: durable(), [queue]: durable({ ...bury, 'x-queue-type': type }) };
    const cwd = folder({ queue, type, queues });
    const worker = await roles.receiver(['fail', '--on-fail', 'drop', '--count', '1'], { cwd });
    await send(cwd, 'x');
    const { status, stderr } = await worker.ended;
    assert.is(status, 0);
    assert.match(stderr, /^dropped: exit status 9 \(message/m);
    assert.equal([await roles.held(queue), await roles.held(graves)], [0, 0]);
  });

  test(`--on-fail exit requeues and ends the role, on a ${type} queue`, async () => {
    const queue = `ended-${type}`;
    const cwd = folder({ queue, type });
    const worker = await roles.receiver(['fail', '--on-fail', 'exit'], { cwd });
    await send(cwd, 'x');
    const { status, stderr } = await worker.ended;
    assert.is(status, 1);
    assert.match(stderr, /^mq fail: attempt 1 failed: exit status 9 \[ANSWER_NO\]$/m);
    assert.is(await roles.held(queue), 1);
  });
}

test('--on-fail exit does not shorten the pause of another message', async () => {
  const queue = 'ended-together';
  // The second message fails during the pause of the first one, which is 3 s.
  const second =
    'until [ -e pid ]; do sleep 0.05; done; while kill -0 "$(cat pid)" 2>&-; do sleep 0.05; done; sleep 1.5';
  const first = 'echo $$ > pid.new; mv pid.new pid';
  const cwd = folder({ queue, exec: `body=$(cat); if [ "$body" = first ]; then ${first}; else ${second}; fi; exit 9` });
  for (const body of ['first', 'second']) await send(cwd, body);
  const args = ['fail', '--on-fail', 'exit', '--prefetch', '2', '--concurrency', '2'];
  const { status, stderr } = await roles.run(args, { cwd });
  assert.is(status, 1, stderr);
  const back = await roles.take(queue, 2);
  const waited = (body: string) => back.find(({ payload }) => payload === body)?.properties.headers?.['x-death'];
  assert.is(waited('first'), undefined, 'the first message has waited in the role');
  assert.ok(waited('second'), 'the second message waits in the wait queue for the rest of its pause');
});

test('retry: false rejects a failure and warns once without a dead letter', async () => {
  const cwd = folder({ queue: 'lost', retry: false });
  const worker = await roles.receiver(['fail', '--count', '2'], { cwd });
  await send(cwd, 'x');
  await send(cwd, 'y');
  const { status, stderr } = await worker.ended;
  assert.is(status, 0);
  assert.equal(
    messagesOf(stderr).filter((line) => !line.startsWith('waiting') && !line.includes('more than 20 redeliveries')),
    [
      'failed messages are lost, because the queue lost has no dead-letter queue; set mq.retry or --on-fail',
      'dropped, because dead-lettering is off: exit status 9',
      'dropped, because dead-lettering is off: exit status 9',
    ],
  );
  assert.is(await roles.held('lost'), 0);
});

test('retry: false with a dead-letter exchange does not warn', async () => {
  const bury = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'kept-graves' };
  const queues = { 'kept-graves': durable(), kept: durable(bury) };
  const cwd = folder({ queue: 'kept', retry: false, queues });
  const worker = await roles.receiver(['fail', '--count', '1'], { cwd });
  await send(cwd, 'x');
  assert.not.match((await worker.ended).stderr, /lost/);
  assert.is((await roles.take('kept-graves', 1))[0]!.payload, 'x');
});

test('a role has its own attempts, delays and dead-letter queue', async () => {
  const retry = { attempts: 2, delays: [20], deadLetter: { queue: 'parked' } };
  const cwd = folder({ queue: 'own', retry, queues: { parked: { options: { durable: true } } } });
  const worker = await roles.receiver(['fail', '--count', '2'], { cwd });
  await send(cwd, 'x');
  assert.is((await worker.ended).stdout, 'xx');
  const [dead] = await roles.take('parked', 1);
  assert.is(dead!.properties.headers?.['x-mq-attempt'], 2);
  await send(cwd, 'y');
  const again = await roles.run(['fail', '--count', '2'], { cwd });
  assert.is(again.status, 0);
  const listed = await roles.runHere(['dlq', 'list', 'fail', '--json'], { cwd });
  assert.is(JSON.parse(listed.stdout).reason, 'exit status 9');
});

test('dead letters use the named publication with its key and headers', async () => {
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: {
        '/': {
          exchanges: { dead: { type: 'direct' } },
          queues: { 'by-name': durable(), tomb: durable() },
          bindings: { 'dead[stone] -> tomb': {} },
        },
      },
      publications: {
        work: { queue: 'by-name' },
        bury: { exchange: 'dead', routingKey: 'stone', options: { headers: { team: 'red' } } },
      },
      subscriptions: { work: { queue: 'by-name' } },
      mq: {
        subscriptions: { work: { retry: { attempts: 1, deadLetter: { publication: 'bury' } } } },
        roles: { fail: { consume: 'work', handler: { exec: ['false'] } } },
      },
    }),
  });
  const worker = await roles.receiver(['fail', '--count', '1'], { cwd });
  await send(cwd, 'x');
  assert.is((await worker.ended).status, 0);
  const [dead] = await roles.take('tomb', 1);
  const { headers = {} } = dead!.properties;
  assert.equal(
    [dead!.exchange, dead!.routing_key, headers['team'], headers['x-mq-queue']],
    ['dead', 'stone', 'red', 'by-name'],
  );
  assert.is((await roles.runHere(['dlq', 'list', 'work'], { cwd })).status, 64);
});

test('retry queues that rascal.json defines are declared with its arguments', async () => {
  const back = { 'x-message-ttl': 50, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'defined' };
  const classic = (more: object) => ({ options: { durable: true, arguments: { 'x-queue-type': 'classic', ...more } } });
  const queues = { 'defined.retry.50': classic(back), 'defined.dead': classic({ 'x-max-length': 1000 }) };
  const cwd = folder({ queue: 'defined', queues });
  const worker = await roles.receiver(['fail', '--count', '3'], { cwd });
  await send(cwd, 'x');
  assert.is((await worker.ended).status, 0);
  assert.is((await roles.take('defined.dead', 1))[0]!.payload, 'x');
});

test('--on-fail refuses an unknown policy', async () => {
  const { status, stderr } = await roles.run(['worker', '--on-fail', 'explode']);
  assert.is(status, 64);
  assert.match(stderr, /dead-letter.*explode/);
});

test.run();
