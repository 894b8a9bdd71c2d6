// mq dlq counts dead letters by a field, finds the original queue of letters that the broker dead-lettered, and keeps
// the attempts of a letter that it moves.

import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const connection = await connect(roles.vhost.urls[0] ?? '');
const channel = await connection.createConfirmChannel();
test.after.each(roles.killLeft);
test.after(async () => {
  await connection.close();
  await roles.end();
});

const dlq = (...args: string[]) => roles.run(['dlq', ...args]);
const jsonLines = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);
const count = async (queue: string) => (await channel.checkQueue(queue)).messageCount;

test('mq dlq list --group counts letters by reason, queue, key or a header', async () => {
  await channel.assertQueue('grouped', { durable: true });
  for (const [id, reason, queue, tenant] of [
    ['a', 'exit status 9', 'task', 'acme'],
    ['b', 'exit status 9', 'rpc', 'acme'],
    ['c', 'timeout', 'task', undefined],
  ] as const)
    channel.sendToQueue('grouped', Buffer.from(id), {
      messageId: id,
      headers: {
        ...{ 'x-mq-reason': reason, 'x-mq-queue': queue, 'x-mq-exchange': 'e', 'x-mq-routing-key': `key-${id}` },
        ...{ 'x-mq-first-failed': `2026-01-0${id === 'a' ? 2 : 1}T00:00:00.000Z` },
        ...(tenant !== undefined && { tenant }),
      },
    });
  await channel.waitForConfirms();
  const groups = async (...args: string[]) =>
    jsonLines((await dlq('list', '--queue', 'grouped', '--json', ...args)).stdout).map((group) => [
      group['value'],
      group['count'],
      group['id'],
      group['first'],
    ]);
  const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'];
  assert.equal(await groups('--group', 'reason'), [
    ['exit status 9', 2, 'a', early],
    ['timeout', 1, 'c', early],
  ]);
  assert.equal(await groups('--group', 'queue', '--filter', 'reason=status'), [
    ['task', 1, 'a', late],
    ['rpc', 1, 'b', early],
  ]);
  assert.equal(await groups('--group', 'key', '--filter', 'queue=rpc'), [['key-b', 1, 'b', early]]);
  assert.equal(await groups('--group', 'tenant'), [
    ['acme', 2, 'a', early],
    [null, 1, 'c', early],
  ]);
  const text = await dlq('list', '--queue', 'grouped', '--group', 'exchange');
  assert.is(text.stdout, `count\tvalue\tfirst_failed\tlast_failed\tid\n3\te\t${early}\t-\ta\n`);
  assert.is(await count('grouped'), 3);
});

/** Declares `work`, which dead-letters by the broker to a queue whose messages expire into another queue. */
async function stages(name: string): Promise<string> {
  const to = (queue: string) => ({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': queue });
  await channel.assertQueue(`${name}.graves`, { durable: true });
  await channel.assertQueue(`${name}.parked`, {
    durable: true,
    arguments: { ...to(`${name}.graves`), 'x-message-ttl': 1 },
  });
  await channel.assertQueue(name, { durable: true, arguments: to(`${name}.parked`) });
  channel.sendToQueue(name, Buffer.from('x'), { messageId: 'x' });
  await channel.waitForConfirms();
  const got = await channel.get(name);
  assert.ok(got);
  channel.nack(got, false, false);
  await until('the letter arrives', async () => (await count(`${name}.graves`)) === 1);
  return `${name}.graves`;
}

test('a letter of the broker returns to the queue that rejected it', async () => {
  const graves = await stages('rejecting');
  const [letter = {}] = jsonLines((await dlq('list', '--queue', graves, '--json')).stdout);
  assert.equal([letter['queue'], letter['reason']], ['rejecting', 'rejected']);
  const { status, stdout, stderr } = await dlq('replay', '--queue', graves);
  assert.equal([status, stdout], [0, `replayed 1 message of ${graves}, 0 left\n`], stderr);
  await until('the message is back', async () => (await count('rejecting')) === 1);
});

test('a letter without x-death returns to the queue of x-first-death-queue', async () => {
  await channel.assertQueue('firsts', { durable: true });
  await channel.assertQueue('firsts.graves', { durable: true });
  const headers = { 'x-first-death-queue': 'firsts', 'x-first-death-reason': 'maxlen' };
  channel.sendToQueue('firsts.graves', Buffer.from('x'), { headers });
  await channel.waitForConfirms();
  assert.is((await dlq('replay', '--queue', 'firsts.graves', '--filter', 'reason=maxlen')).status, 0);
  assert.equal([await count('firsts'), await count('firsts.graves')], [1, 0]);
});

test('a moved letter keeps its attempts, and its queue continues the count', async () => {
  const options = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
  const config = {
    vhosts: { '/': { queues: { counted: { options }, parked: { options } } } },
    publications: { counted: { queue: 'counted' }, parked: { queue: 'parked' } },
    subscriptions: { counted: { queue: 'counted', prefetch: 1 } },
    mq: {
      retry: { attempts: 2, delays: [50] },
      roles: {
        fail: { behaviour: 'consume', subscription: 'counted', handler: { exec: ['false'] } },
        show: { behaviour: 'consume', subscription: 'counted', handler: { exec: ['sh', '-c', 'echo $MQ_ATTEMPT'] } },
      },
    },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  const run = async (...args: string[]) => {
    const result = await roles.run(args, { cwd });
    assert.is(result.status, 0, result.stderr);
    return result.stdout;
  };
  await run('declare');
  await run('publish', 'counted', 'x');
  await run('fail', '--count', '2');
  await run('dlq', 'move', 'counted', '--to', 'parked');
  const [parked = {}] = jsonLines(await run('dlq', 'list', '--queue', 'parked', '--json'));
  assert.equal([parked['attempts'], parked['queue'], parked['reason']], [2, 'counted', 'exit status 1']);
  // A failure at the third attempt of two goes straight to the dead letters.
  await run('dlq', 'move', '--queue', 'parked', '--to', 'counted');
  await run('fail', '--count', '1');
  const [again = {}] = jsonLines(await run('dlq', 'list', 'counted', '--json'));
  assert.is(again['attempts'], 3);
  await run('dlq', 'move', 'counted', '--to', 'counted');
  assert.is(await run('show', '--count', '1'), '4\n');
  // A replay starts again.
  await run('publish', 'counted', 'y');
  await run('fail', '--count', '2');
  await run('dlq', 'replay', 'counted');
  assert.is(await run('show', '--count', '1'), '1\n');
});

test.run();
