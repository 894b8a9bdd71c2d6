// mq tap --firehose on RabbitMQ: it shows what a binding cannot, and leaves tracing and the vhost as they were.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objectOf } from '../../src/config/plain.ts';
import { runCli } from '../support/cli.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const { name, api, urls, managementUrls } = roles.vhost;
// The firehose belongs to a node.
const env = { MQ_URL: urls[0] ?? '', MQ_MANAGEMENT_URL: managementUrls[0] ?? '' };
const metadata = { description: 'of the firehose', tags: 'a,b', default_queue_type: 'quorum' };
await api('PUT', `/api/vhosts/${name}`, metadata);

/** Returns the vhost as the node of the test reports it. */
async function vhost(): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await roles.run(['admin', 'show', 'vhost', name, '--json'], { env });
  const { description, tags, default_queue_type, tracing, protected_from_deletion } = objectOf(JSON.parse(stdout));
  return { description, tags, default_queue_type, tracing, protected_from_deletion };
}

const before = await vhost();

async function firehose(...args: readonly string[]) {
  const running = await roles.receiver(['tap', '--firehose', ...args], { env });
  assert.equal(await vhost(), { ...before, tracing: true });
  return running;
}

test('shows a request to a queue and its direct reply on one line', async () => {
  await roles.run(['declare'], { env });
  const server = await roles.receiver(['rpc-server', '--count', '1'], { env });
  const running = await firehose('rpc', '--match-replies', '--json', '--count', '1');
  assert.is((await roles.run(['rpc-client', '7'], { env })).stdout, '13\n');
  const { status, stdout } = await running.ended;
  assert.is(status, 0);
  const [exchanged, ...others] = lines(stdout).map((line) => JSON.parse(line));
  assert.equal([exchanged.body, exchanged.reply.body, others], ['7', '13', []]);
  assert.equal([exchanged.fields.exchange, exchanged.fields.routingKey], ['', 'rpc_queue']);
  assert.match(exchanged.properties.replyTo, /^amq\.rabbitmq\.reply-to\./);
  await server.ended;
  assert.equal(await vhost(), before);
});

test('shows an unroutable message, and it stays unroutable', async () => {
  const running = await firehose('topic_logs:kern.*');
  assert.is((await roles.run(['emit-log-topic', 'user.info', 'not shown'], { env })).status, 67);
  assert.is((await roles.run(['emit-log-topic', 'kern.info', 'lost'], { env })).status, 67);
  await running.prints(/topic_logs kern\.info {2}lost {2}\(no queue\)\n$/);
  running.kill('SIGINT');
  running.kill('SIGINT');
  const { stdout } = await running.ended;
  assert.is(lines(stdout).length, 1);
  assert.equal(await vhost(), before);
});

test('leaves tracing on that was on, and names the command for it', async () => {
  const killed = await firehose();
  killed.kill('SIGKILL');
  await killed.ended;
  assert.equal(await vhost(), { ...before, tracing: true });
  const running = await firehose();
  const { stderr } = await running.stop();
  assert.match(stderr, `mq admin set tracing off --vhost ${name}`);
  assert.equal(await vhost(), { ...before, tracing: true });
  assert.is((await roles.run(['admin', 'set', 'tracing', 'off', '--vhost', name], { env })).status, 0);
  assert.equal(await vhost(), before);
});

test('of two taps at once, the last one switches tracing off', async () => {
  const [first, second] = [await firehose(), await firehose()];
  await first.stop();
  assert.equal(await vhost(), { ...before, tracing: true });
  await second.stop();
  assert.equal(await vhost(), before);
});

test('switches tracing off after an uncaught error', async () => {
  const stray = Promise.withResolvers<never>();
  const drain = new AbortController();
  const onErrors = (stderr: string) => {
    if (stderr.includes('waiting for messages')) stray.reject(new Error('a bug'));
  };
  const options = { env, stray: stray.promise, drain: drain.signal, onErrors };
  const { status, stderr } = await runCli(['tap', '--firehose'], options);
  assert.match(stderr, 'uncaught error: a bug [BUG]');
  assert.is(status, 70);
  assert.equal(await vhost(), before);
  // The process would end here. In this one, the tap still has to close its connection.
  drain.abort('SIGTERM');
});

test('switches tracing off when the connection is lost', async () => {
  const account = await roles.account();
  const own = { ...env, MQ_URL: (account.env['MQ_URL'] ?? '').split(',')[0] ?? '' };
  const running = roles.start(['tap', '--firehose'], { env: { ...own, MQ_MANAGEMENT_URL: env.MQ_MANAGEMENT_URL } });
  await running.prints(/waiting for messages from/, 'stderr');
  let hasEnded = false;
  const ended = running.ended.finally(() => {
    hasEnded = true;
  });
  await until('the tap has lost its connection', async () => {
    for (const connection of await account.connections())
      await api('DELETE', `/api/connections/${encodeURIComponent(connection)}`).catch(() => undefined);
    return hasEnded;
  });
  assert.is((await ended).status, 69);
  assert.equal(await vhost(), before);
});

test.run();
