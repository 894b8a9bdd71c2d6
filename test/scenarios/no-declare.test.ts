// With "declare": false roles only check that queues and exchanges exist, so they need no permission to configure.

import { randomUUID } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { testRoles } from '../support/roles.ts';

const roles = await testRoles();
const { vhost } = roles;
const users: string[] = [];
test.after.each(roles.killLeft);
test.after(async () => {
  for (const name of users) await vhost.api('DELETE', `/api/users/${name}`);
  await roles.end();
});

const content = {
  vhosts: {
    '/': {
      exchanges: { orders: { type: 'topic' } },
      queues: {
        jobs: { options: { arguments: { 'x-queue-type': 'quorum' } } },
        audit: {},
        mine: { replyTo: true, options: { exclusive: true, durable: false, autoDelete: true } },
      },
      bindings: ['orders[order.paid] -> jobs', 'orders[#] -> mine'],
    },
  },
  publications: { orders: { exchange: 'orders' }, audit: { queue: 'audit' } },
  subscriptions: { jobs: { queue: 'jobs' }, mine: { queue: 'mine' } },
  mq: { declare: false, retry: { attempts: 2, delays: [50] } },
};
const cwd = emptyFolder({ 'rascal.json': JSON.stringify(content) });

/** Returns options for roles whose user may configure only names that match the pattern. */
async function as(configure: string) {
  const [name, password] = [`mq-${randomUUID()}`, randomUUID()];
  await vhost.api('PUT', `/api/users/${name}`, { password, tags: '' });
  users.push(name);
  await vhost.api('PUT', `/api/permissions/${vhost.name}/${name}`, { configure, write: '.*', read: '.*' });
  const urls = vhost.urls.map((url) => Object.assign(new URL(url), { username: name, password }).href);
  return { cwd, env: { MQ_URL: urls.join(',') } };
}

const objects = async (kind: 'queues' | 'exchanges') =>
  ((await vhost.api('GET', `/api/${kind}/${vhost.name}`)) as { name: string }[])
    .map(({ name }) => name)
    .filter((name) => name !== '' && !name.startsWith('amq.'))
    .sort();
const hint = 'hint: this role declares nothing: mq plan shows what is missing, and mq apply creates it\n';

test('a role names what is missing and declares nothing, although it may', async () => {
  const publish = await roles.runHere(['publish', 'orders', 'x', '--routing-key', 'order.paid'], { cwd });
  assert.is(publish.status, 78);
  assert.match(
    publish.stderr,
    `mq publish: the broker has no exchange 'orders' in vhost '${vhost.name}' [TOPOLOGY]\n${hint}`,
  );
  await vhost.api('PUT', `/api/exchanges/${vhost.name}/orders`, { type: 'topic', durable: true });
  const consume = await roles.run(['subscribe', 'jobs', '--until-empty', '--exec', 'true'], { cwd });
  assert.is(consume.status, 78);
  assert.match(
    consume.stderr,
    `mq subscribe: the broker has no queue 'jobs' in vhost '${vhost.name}' [TOPOLOGY]\n${hint}`,
  );
  assert.equal([await objects('exchanges'), await objects('queues')], [['orders'], []]);
});

test('--no-declare has the same effect, and --declare overrides the file', async () => {
  const declaring = emptyFolder({ 'rascal.json': JSON.stringify({ ...content, mq: {} }) });
  const checked = await roles.runHere(['publish', 'audit', 'x', '--no-declare'], { cwd: declaring });
  assert.is(checked.status, 78);
  assert.match(checked.stderr, /no queue 'audit'/);
  assert.is((await roles.runHere(['publish', 'audit', 'x', '--declare'], { cwd })).status, 0);
  assert.equal(await objects('queues'), ['audit']);
});

test('a role that may fail names a missing queue for failed messages', async () => {
  assert.is((await roles.runHere(['declare'], { cwd })).status, 0);
  await roles.deleteQueue('jobs.dead');
  const { status, stderr } = await roles.run(['subscribe', 'jobs', '--until-empty', '--exec', 'true'], await as('^$'));
  assert.is(status, 78);
  assert.match(stderr, `mq subscribe: the broker has no queue 'jobs.dead' for failed messages [TOPOLOGY]\n${hint}`);
  assert.is((await roles.runHere(['declare'], { cwd })).status, 0);
});

test('roles without permission to configure publish, retry and dead-letter', async () => {
  const account = await as('^$');
  const send = await roles.runHere(['publish', 'orders', 'a job', '--routing-key', 'order.paid'], account);
  assert.is(send.status, 0, send.stderr);
  const work = await roles.run(['subscribe', 'jobs', '--count', '2', '--exec', 'false'], account);
  assert.is(work.status, 0, work.stderr);
  const [dead] = await roles.take('jobs.dead', 1);
  assert.equal([dead?.payload, dead?.properties.headers?.['x-mq-attempt']], ['a job', 2]);
});

test('a role declares and binds its own exclusive queue', async () => {
  const running = await roles.receiver(['subscribe', 'mine', '--count', '1'], await as('^mine'));
  await roles.runHere(['publish', 'orders', 'for mine', '--routing-key', 'x'], { cwd });
  const { status, stdout } = await running.ended;
  assert.equal([status, stdout], [0, 'for mine\n']);
});

test.run();
