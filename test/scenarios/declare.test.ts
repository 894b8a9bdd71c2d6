// mq declare declares everything in advance, so that a role needs no permission to configure. A role without that
// permission reports at its start which queue it cannot declare.

import { randomUUID } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
const { vhost } = roles;
const users: string[] = [];
test.after.each(roles.killLeft);
test.after(async () => {
  for (const name of users) await vhost.api('DELETE', `/api/users/${name}`);
  await roles.end();
});

const cwd = emptyFolder({
  'rascal.json': JSON.stringify({
    vhosts: {
      '/': {
        exchanges: { orders: { type: 'topic' } },
        queues: {
          jobs: { options: { arguments: { 'x-queue-type': 'quorum' } } },
          mine: { replyTo: true, options: { exclusive: true, durable: false, autoDelete: true } },
        },
        bindings: ['orders[order.paid] -> jobs', 'orders[#] -> mine'],
      },
    },
    publications: { jobs: { queue: 'jobs' }, orders: { exchange: 'orders' } },
    subscriptions: { jobs: { queue: 'jobs' }, mine: { queue: 'mine' } },
    mq: {
      retry: { attempts: 3, delays: [50] },
      roles: { 'add-job': { publish: 'jobs' }, 'do-jobs': { consume: 'jobs' } },
    },
  }),
});

const all = [
  { declared: 'exchange', vhost: vhost.name, name: 'orders', type: 'topic' },
  { declared: 'queue', vhost: vhost.name, name: 'jobs', type: 'quorum' },
  {
    declared: 'binding',
    vhost: vhost.name,
    source: 'orders',
    destination: 'jobs',
    destinationType: 'queue',
    bindingKey: 'order.paid',
  },
  { declared: 'queue', vhost: vhost.name, name: 'jobs.retry.50', type: 'quorum', for: 'jobs' },
  { declared: 'queue', vhost: vhost.name, name: 'jobs.retry.3000', type: 'quorum', for: 'jobs' },
  { declared: 'queue', vhost: vhost.name, name: 'jobs.dead', type: 'quorum', for: 'jobs' },
];

/** Returns options for a role whose user may configure only names that match the pattern. */
async function as(configure: string) {
  const [name, password] = [`mq-${randomUUID()}`, randomUUID()];
  await vhost.api('PUT', `/api/users/${name}`, { password, tags: '' });
  users.push(name);
  await vhost.api('PUT', `/api/permissions/${vhost.name}/${name}`, { configure, write: '.*', read: '.*' });
  const urls = vhost.urls.map((url) => Object.assign(new URL(url), { username: name, password }).href);
  return { cwd, env: { MQ_URL: urls.join(',') } };
}

const queues = async () =>
  ((await vhost.api('GET', `/api/queues/${vhost.name}`)) as { name: string }[]).map(({ name }) => name).sort();

test('a role without permission to configure names the queue', async () => {
  // The queue exists, so its absence cannot be the reason.
  await vhost.api('PUT', `/api/exchanges/${vhost.name}/orders`, { type: 'topic', durable: true });
  const { status, stderr } = await roles.run(['do-jobs', '--until-empty', '--exec', 'true'], await as('^$'));
  assert.is(status, 77);
  assert.match(stderr, /configure access to queue 'jobs'.*\[NOT_PERMITTED\]\nhint: run mq declare/s);
});

test('a role that may not declare the retry queues reports it at its start', async () => {
  const { status, stderr } = await roles.run(
    ['do-jobs', '--until-empty', '--exec', 'true'],
    await as('^(jobs|orders)$'),
  );
  assert.is(status, 77);
  assert.match(
    stderr,
    /may not declare the queues 'jobs\.retry\.50', 'jobs\.retry\.3000', 'jobs\.dead', and they do not exist/,
  );
  assert.not.match(stderr, /waiting for messages/);
  assert.equal(await queues(), ['jobs'], 'the check declares nothing');
  assert.equal(
    ((await vhost.api('GET', `/api/exchanges/${vhost.name}`)) as { name: string }[]).filter(({ name }) =>
      name.startsWith('jobs'),
    ),
    [],
  );
});

test('mq declare requires the permission to configure', async () => {
  const { status, stderr } = await roles.run(['declare'], await as('^jobs$'));
  assert.is(status, 77);
  assert.match(stderr, /hint: mq declare requires an account with the configure permission/);
});

test('mq declare declares everything, lists it, and may run again', async () => {
  for (const _ of [1, 2]) {
    const { status, stdout } = await roles.run(['declare', '--json'], { cwd });
    assert.is(status, 0);
    assert.equal(
      lines(stdout).map((line) => JSON.parse(line) as unknown),
      all,
    );
  }
  assert.equal(await queues(), ['jobs', 'jobs.dead', 'jobs.retry.3000', 'jobs.retry.50']);
  const { stdout } = await roles.run(['declare'], { cwd });
  assert.match(stdout, /^queue jobs\.dead \(quorum, for failed messages of jobs\)$/m);
  assert.match(stdout, /^declared 1 exchange, 4 queues, 1 binding at amqp:/m);
});

test('after mq declare the account works, retries and dead-letters', async () => {
  const account = await as('^$');
  assert.is((await roles.run(['add-job', 'a job'], account)).status, 0);
  const { status } = await roles.run(['do-jobs', '--count', '3', '--exec', 'false'], account);
  assert.is(status, 0);
  const [dead] = await roles.take('jobs.dead', 1);
  assert.equal([dead?.payload, dead?.properties.headers?.['x-mq-attempt']], ['a job', 3]);
});

test('a replay uses the existing wait queue, and fails without it', async () => {
  const account = await as('^$');
  const replay = () => roles.run(['dlq', 'replay', 'do-jobs'], account);
  const die = async (...bodies: string[]) => {
    for (const body of bodies)
      assert.is((await roles.run(['publish', 'orders', '--routing-key', 'order.paid', body], account)).status, 0);
    const count = String(bodies.length);
    const failing = ['--count', count, '--on-fail', 'dead-letter', '--exec', 'false'];
    assert.is((await roles.run(['do-jobs', ...failing], account)).status, 0);
  };
  await die('one', 'two');
  const replayed = await replay();
  assert.is(replayed.status, 0, replayed.stderr);
  assert.equal((await roles.take('jobs', 2)).map(({ payload }) => payload).sort(), ['one', 'two']);

  await die('three', 'four');
  await vhost.api('DELETE', `/api/queues/${vhost.name}/jobs.retry.50`);
  const refused = await replay();
  assert.is(refused.status, 77);
  assert.match(refused.stderr, /2 of 2 messages stay in jobs\.dead: .*'jobs\.retry\.50', and it does not exist/);
  assert.is((await roles.take('jobs.dead', 2)).length, 2);
  assert.is((await roles.run(['declare'], { cwd })).status, 0);
});

test('mq declare and a role declare queues with equal arguments', async () => {
  await roles.run(['add-job', 'another'], { cwd });
  const { status } = await roles.run(['do-jobs', '--count', '3', '--exec', 'false'], { cwd });
  assert.is(status, 0);
  await roles.take('jobs.dead', 1);
});

test('a queue name too long for retry queues can still be consumed', async () => {
  const queue = `q-${'x'.repeat(250)}`;
  const content = { vhosts: { '/': { queues: [queue] } }, subscriptions: { long: { queue } } };
  const { status, stderr } = await roles.run(['subscribe', 'long', '--until-empty', '--exec', 'true'], {
    cwd: emptyFolder({ 'rascal.json': JSON.stringify(content) }),
  });
  assert.is(status, 0, stderr);
  await roles.deleteQueue(queue);
});

test.run();
