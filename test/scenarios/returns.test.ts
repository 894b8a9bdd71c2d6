// Requeued messages are counted, delayed, and never dropped by the broker, even if a retry queue is full or missing.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

interface Place {
  readonly queue: string;
  readonly given?: object;
  readonly exec: string;
  readonly prefetch?: number;
  readonly queues?: object;
  readonly retry?: object;
}

function folder({ queue, given = {}, exec, prefetch = 1, queues = {}, retry = {} }: Place): string {
  return emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: given } }, ...queues } } },
      publications: { work: { queue } },
      subscriptions: { work: { queue, prefetch } },
      mq: {
        retry: { attempts: 3, delays: [100], ...retry },
        roles: { work: { consume: 'work', handler: { exec: ['sh', '-c', exec] } } },
      },
    }),
  });
}

const quorum = (more: object = {}) => ({ 'x-queue-type': 'quorum', ...more });
const send = (cwd: string, ...bodies: string[]) =>
  roles.runHere(['publish', 'work', '--lines'], { cwd, input: bodies.join('\n') });

for (const [how, exec, options] of [
  ['exit status 4', 'echo "$MQ_ATTEMPT"; exit 4', []],
  ['--on-fail requeue', 'echo "$MQ_ATTEMPT"; exit 1', ['--on-fail', 'requeue']],
] as const) {
  test(`${how}: a message is dead-lettered at the delivery limit of its queue`, async () => {
    const queue = `limit-${options.length}`;
    const cwd = folder({ queue, given: quorum({ 'x-delivery-limit': 1 }), exec });
    await send(cwd, 'poison');
    const { status, stdout, stderr } = await roles.run(['work', ...options, '--count', '2'], { cwd });
    assert.equal([status, lines(stdout)], [0, ['1', '2']], stderr);
    assert.is((await roles.take(`${queue}.dead`, 1))[0]?.payload, 'poison');
  });
}

for (const type of ['classic', 'quorum']) {
  test(`a requeued message of a ${type} queue is counted and blocks no other`, async () => {
    const queue = `paced-${type}`;
    const exec = 'body=$(cat); echo "$body $MQ_ATTEMPT"; [ "$body" = back ] && exit 6; exit 0';
    const cwd = folder({ queue, given: { 'x-queue-type': type }, exec });
    await send(cwd, 'back', 'one', 'two');
    const worker = await roles.receiver(['work'], { cwd });
    const seen = lines(await worker.prints(/back 3\n/));
    assert.equal(seen, ['back 1', 'one 1', 'two 1', 'back 2', 'back 3']);
    await worker.stop();
  });

  test(`a handler that SIGTERM ends uses no attempt, on a ${type} queue`, async () => {
    const queue = `term-${type}`;
    const cwd = folder({ queue, given: { 'x-queue-type': type }, exec: 'echo "$$ $MQ_ATTEMPT" >&2; sleep 60 & wait' });
    await send(cwd, 'long');
    const worker = await roles.receiver(['work'], { cwd });
    const [, pid] = /^(\d+) 1$/m.exec(await worker.prints(/^\d+ 1$/m, 'stderr')) ?? [];
    // The order in which a supervisor signals them is not known.
    process.kill(Number(pid), 'SIGTERM');
    worker.kill('SIGTERM');
    const { status, stderr } = await worker.ended;
    assert.is(status, 0, stderr);
    assert.not.match(stderr, /attempt 1 failed/);
    const next = await roles.run(['subscribe', 'work', '--count', '1', '--exec', 'sh', '-c', 'echo "$MQ_ATTEMPT"'], {
      cwd,
    });
    assert.is(next.stdout, '1\n');
  });
}

test('the broker does not drop a message that kills its workers', async () => {
  const queue = 'killer';
  const cwd = folder({
    queue,
    given: quorum({ 'x-delivery-limit': 1 }),
    exec: 'kill -KILL $PPID',
    retry: { attempts: 4 },
  });
  await send(cwd, 'poison');
  const { letter } = await roles.supervise(['work'], { cwd, dead: `${queue}.dead`, most: 6 });
  assert.is(letter.payload, 'poison');
});

test('a consumer of the dead-letter queue starts at attempt 1', async () => {
  const cwd = folder({
    queue: 'first',
    given: quorum(),
    exec: 'exit 9',
    retry: { attempts: 2, deadLetter: { queue: 'second' } },
    queues: { second: { options: { durable: true, arguments: quorum() } } },
  });
  await send(cwd, 'x');
  assert.is((await roles.run(['work', '--count', '2'], { cwd })).status, 0);
  const other = emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: { '/': { queues: { second: { options: { durable: true, arguments: quorum() } } } } },
      subscriptions: { dead: { queue: 'second' } },
      mq: { retry: { attempts: 1 } },
    }),
  });
  const args = ['subscribe', 'dead', '--count', '1', '--exec', 'sh', '-c', 'echo "$(cat) $MQ_ATTEMPT"'];
  const { stdout, stderr } = await roles.run(args, { cwd: other });
  assert.is(stdout, 'x 1\n', stderr);
});

test('a worker declares deleted wait and dead-letter queues again', async () => {
  const cwd = folder({ queue: 'deleted', given: quorum(), exec: 'cat >/dev/null; exit 9', retry: { attempts: 2 } });
  const worker = await roles.receiver(['work'], { cwd });
  await send(cwd, 'one');
  await roles.take('deleted.dead', 1);
  await roles.deleteQueue('deleted.dead');
  await roles.deleteQueue('deleted.retry.100');
  await send(cwd, 'two');
  assert.is((await roles.take('deleted.dead', 1))[0]?.payload, 'two');
  assert.is((await worker.stop()).status, 0);
});

test('a full wait queue blocks no other message', async () => {
  // The first message fills the queue for ten minutes.
  const full = {
    ...quorum({ 'x-message-ttl': 600_000, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'crowded' }),
    ...{ 'x-overflow': 'reject-publish', 'x-max-length': 0 },
  };
  const cwd = folder({
    queue: 'crowded',
    given: quorum(),
    exec: 'body=$(cat); echo "$body $MQ_ATTEMPT"; [ "$body" = good ]',
    retry: { attempts: 3, delays: [600_000] },
    queues: { 'crowded.retry.600000': { options: { durable: true, arguments: full } } },
  });
  const worker = await roles.receiver(['work'], { cwd });
  await send(cwd, 'bad');
  await until('the wait queue is full', async () => (await roles.held('crowded.retry.600000')) === 1);
  await send(cwd, 'worse', 'good');
  await worker.prints(/^good 1$/m);
  await worker.prints(/^worse 2$/m);
  assert.is((await worker.stop()).status, 0);
});

test('a full dead-letter queue blocks no other message', async () => {
  const full = { 'x-queue-type': 'classic', 'x-overflow': 'reject-publish', 'x-max-length': 1 };
  const cwd = folder({
    queue: 'mourning',
    given: quorum(),
    exec: 'body=$(cat); echo "$body"; [ "$body" = good ] || exit 3',
    retry: { deadLetter: { queue: 'grave' } },
    queues: { grave: { options: { durable: true, arguments: full } } },
  });
  const worker = await roles.receiver(['work'], { cwd });
  await send(cwd, 'first');
  await until('the dead-letter queue is full', async () => (await roles.held('grave')) === 1);
  await send(cwd, 'second', 'good');
  await worker.prints(/good/);
  assert.is((await roles.take('grave', 1))[0]?.payload, 'first');
  assert.is((await roles.take('grave', 1))[0]?.payload, 'second');
  const { status, stdout } = await worker.stop();
  assert.equal([status, lines(stdout)], [0, ['first', 'second', 'good']], 'no message is handled twice');
});

test('mq logs each message that the configuration drops', async () => {
  const cwd = folder({ queue: 'dropping', given: quorum(), exec: 'exit 1', prefetch: 10 });
  await send(cwd, ...Array.from({ length: 15 }, (_, index) => `${index}`));
  const args = ['work', '--on-fail', 'drop', '--count', '15', '--log', 'json'];
  const { status, stderr } = await roles.run(args, { cwd });
  assert.is(status, 0, stderr);
  const drops = lines(stderr)
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === 'drop');
  assert.is(new Set(drops.map(({ messageId }) => messageId)).size, 15);
});

test.run();
