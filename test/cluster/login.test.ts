// Logs in to RabbitMQ by tokens of its OAuth 2 plugin, with a key set of the test, while the tokens expire.

import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { startCluster } from '../../src/cluster/start.ts';
import { testImage } from '../support/cluster.ts';
import { emptyFolder, type MqResult, mq, type RunningMq, startMq } from '../support/mq.ts';
import { rabbitmqctl } from '../support/rabbitmqctl.ts';
import { issuer, keyId, resource, tokenMark } from '../support/tokens.ts';
import { until } from '../support/until.ts';

// The plugin changes the logins of its node, so the node belongs to this file.
const node = await startCluster({ image: await testImage(), nodes: 1, owner: process.pid });
test.after(() => node.down());
const keys = issuer();
const { host } = new URL(String(node.urls[0]));
/** The address without a user, and the API without one. */
const env = {
  MQ_URL: `amqp://${host}`,
  MQ_MANAGEMENT_URL: `http://${new URL(String(node.managementUrls[0])).host}`,
};

test.before(async () => {
  const { exec } = rabbitmqctl(node);
  // rabbitmq-plugins does not find the folder of the plugins in the image of 4.0.
  const enable = [
    '{ok, File} = application:get_env(rabbit, enabled_plugins_file)',
    '{ok, [Plugins]} = file:consult(File)',
    // The file of the node belongs to root.
    'Own = "/tmp/enabled_plugins"',
    'ok = file:write_file(Own, io_lib:format("~p.~n", [[rabbitmq_auth_backend_oauth2 | Plugins]]))',
    'rabbit_plugins:ensure(Own).',
  ];
  await exec('eval', enable.join(', '));
  const backends = '[rabbit_auth_backend_oauth2, rabbit_auth_backend_internal]';
  await exec('eval', `application:set_env(rabbitmq_auth_backend_oauth2, resource_server_id, <<"${resource}">>).`);
  await exec('eval', `application:set_env(rabbit, auth_backends, ${backends}).`);
  // The command add_signing_key calls this function.
  const key = JSON.stringify(keys.publicKey);
  await exec('eval', `uaa_jwt:add_signing_key(<<"${keyId}">>, pem, <<${key}>>).`);
});

const config = {
  vhosts: { '/': { queues: { 'by-token': { options: { durable: true, arguments: { 'x-queue-type': 'quorum' } } } } } },
  publications: { to: { queue: 'by-token' } },
  subscriptions: { from: { queue: 'by-token' } },
};
const testFile = `
import { publish, role, test } from 'mq/test';
test('a role consumes a message', async () => {
  const receiver = await role('subscribe', ['from']);
  await publish('to', 'hello');
  await receiver.prints(/hello/);
});
`;
const folder = () => emptyFolder({ 'rascal.json': JSON.stringify(config), 'one.test.ts': testFile });

/** Fails if an output contains a token. */
function assertNoToken(...results: readonly Pick<MqResult, 'stdout' | 'stderr'>[]): void {
  for (const { stdout, stderr } of results) assert.not.match(stdout + stderr, new RegExp(tokenMark));
}

const renewals = (role: RunningMq) => role.stderr().match(/"event":"token-renewed"/g)?.length ?? 0;

test('renews the tokens of a publisher and a worker, and loses nothing', async () => {
  // A token of 10 s is renewed after 8 s. A machine that needs more than 2 s for that loses the connection.
  const options = { env, deadlineMs: 120_000 };
  const log = ['--json', '--log', 'json', '--log-level', 'debug', '--token-command', keys.command(10)];
  const worker = startMq(['worker', ...log], options);
  await worker.prints(/"event":"consuming"/, 'stderr');
  const publisher = startMq(['task', '--lines', ...log], options);
  let sent = 0;
  const timer = setInterval(() => publisher.stdin.write(`line ${++sent}\n`), 20);
  try {
    await until('both have renewed their token three times', () => Math.min(...[worker, publisher].map(renewals)) >= 3);
  } finally {
    clearInterval(timer);
    publisher.stdin.end();
  }
  const published = await publisher.ended;
  assert.is(published.status, 0, published.stderr);
  await until('the worker has all messages', () => worker.stdout().split('\n').length > sent);
  const received = await worker.stop();
  const bodies = received.stdout.match(/"body":"line \d+"/g) ?? [];
  assert.equal([bodies.length, new Set(bodies).size], [sent, sent]);
  for (const { stderr } of [published, received]) assert.match(stderr, /"reconnects":0/);
  assertNoToken(published, received);
});

test('reconnects with a new token if the broker refuses one', async () => {
  // The second token is for another resource server.
  const bad = keys.command(5).replace(/ \S+$/, ' other');
  const command = `n=$(cat count 2>/dev/null || echo 0); echo $((n + 1)) > count; [ $n = 1 ] && ${bad} || ${keys.command(5)}`;
  const worker = startMq(['worker', '--log-level', 'debug', '--token-command', command], { env });
  await worker.prints(/connected again/, 'stderr');
  assert.match(worker.stderr(), /the broker did not accept a new token on an open connection/);
  await worker.prints(/renewed the token of --token-command/, 'stderr');
  const ended = await worker.stop();
  assert.is(ended.status, 0, ended.stderr);
  assertNoToken(ended);
});

// RabbitMQ 4.0 accepts what a channel has done before, also after the token has expired.
if (!node.version.startsWith('4.0.'))
  test('a publisher ends with 77 if its token expires and cannot be renewed', async () => {
    const publisher = startMq(['task', '--lines', '--json', '--debug'], { env: { ...env, MQ_TOKEN: keys.token(4) } });
    const timer = setInterval(() => publisher.stdin.write('line\n'), 50);
    try {
      const ended = await publisher.ended;
      assert.is(ended.status, 77, ended.stderr);
      assert.match(ended.stderr, /\(ACCESS_REFUSED\)|token has expired/);
      assertNoToken(ended);
    } finally {
      clearInterval(timer);
    }
  });

for (const [title, seconds, audience, hint] of [
  ['for another audience', 60, 'other', /hint: check its audience/],
  ['that has expired', -60, resource, /hint: it expired at 20/],
] as const)
  test(`a token ${title} is refused by AMQP and the API`, async () => {
    const own = { env: { ...env, MQ_TOKEN: keys.token(seconds, audience) } };
    const results = await Promise.all([mq(['wait', '--debug'], own), mq(['admin', 'list', 'queues', '--debug'], own)]);
    for (const { status, stderr } of results) assert.is(status, 77, stderr);
    assert.match(results[0]?.stderr ?? '', /^mq wait: the broker refused the token of MQ_TOKEN \(ACCESS_REFUSED\)/);
    assert.match(results[0]?.stderr ?? '', hint);
    assert.match(results[1]?.stderr ?? '', /^mq admin: the management API at \S+ refused the token of MQ_TOKEN/);
    assertNoToken(...results);
  });

test('mq web renews the login of a page to Web STOMP by a new connection', async () => {
  const [stomp = ''] = node.webStompUrls;
  const args = ['--port', '0', '--json', '--stomp', stomp, '--token-command', keys.command(5)];
  const web = startMq(['web', ...args], { env });
  const ready = JSON.parse(await web.prints(/"event":"ready".*\n/)) as { url: string; stomp: string };
  assert.is(ready.stomp, stomp);
  for (const page of ['first', 'second'])
    assert.match(await answerTo(ready.url), /^CONNECTED\n.*\nversion:1\.2/s, page);
  const ended = await web.stop();
  assert.is(ended.status, 0, ended.stderr);
  assertNoToken(ended);
});

/** Connects as a page does. Returns all frames, after mq web has closed the connection because of the token. */
async function answerTo(url: string): Promise<string> {
  const frames: string[] = [];
  const socket = new WebSocket(`${url.replace('http', 'ws')}/stomp`, ['v12.stomp'], { headers: { origin: url } });
  socket.on('message', (data) => frames.push(String(data)));
  socket.on('open', () => socket.send('CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n\0'));
  await once(socket, 'close');
  return frames.join('');
}

test('a token is the login of commands that use AMQP and the API', async () => {
  for (const args of [
    ['wait'],
    ['admin', 'whoami'],
    ['top', '--once'],
    ['plan', '--config', 'rascal.json'],
    ['apply', '--yes', '--config', 'rascal.json'],
    ['dlq', 'list', '--queue', 'task_queue'],
    ['test', '--on', env.MQ_URL, 'one.test.ts'],
  ]) {
    const result = await mq([...args, '--token-command', keys.command(60)], { env, cwd: folder() });
    assert.ok([0, args[0] === 'plan' ? 1 : 0].includes(result.status ?? -1), `${args.join(' ')}: ${result.stderr}`);
    assertNoToken(result);
  }
});

test.run();
