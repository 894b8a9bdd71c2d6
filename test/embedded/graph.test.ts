// Checks mq graph --live on the embedded broker: states, counts, and a large vhost.

import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../src/topology/graph.ts';
import { runCli } from '../support/cli.ts';
import { type Served, withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';

const content = {
  vhosts: { '/': { exchanges: { e: { type: 'topic' } }, queues: ['a', 'b'], bindings: ['e[k] -> a', 'e[k] -> b'] } },
  subscriptions: { a: { queue: 'a' } },
};

function runner({ place, management }: Served) {
  const file = join(emptyFolder({ 'rascal.json': JSON.stringify(content) }), 'rascal.json');
  const env = { MQ_CONFIG: file, MQ_URL: place.url(), MQ_MANAGEMENT_URL: `http://127.0.0.1:${management.port}` };
  return (args: readonly string[]) => runCli(args, { env });
}

test('mq graph reports a file without vhosts', async () => {
  const cwd = emptyFolder({ 't.json': '{}' });
  const { status, stdout, stderr } = await runCli(['graph', '--config', 't.json'], { cwd });
  assert.equal([status, stdout, stderr], [0, '', 'mq graph: t.json has no vhost\n']);
});

test('mq graph --live marks missing and foreign objects, and has counts', () =>
  withManagement(async (served) => {
    const run = runner(served);
    assert.is((await run(['declare'])).status, 0);
    const channel = await served.place.channel();
    await channel.deleteQueue('b');
    await channel.assertQueue('mine', { exclusive: true });
    await channel.bindQueue('mine', 'e', 'other');
    channel.sendToQueue('a', Buffer.from('x'));
    await channel.waitForConfirms();
    const { status, stdout } = await run(['graph', '--live', '--format', 'json']);
    assert.is(status, 0);
    const { nodes, edges } = JSON.parse(stdout) as Graph;
    const states = Object.fromEntries([...nodes].map(({ id, state }) => [id, state]));
    assert.equal(states, {
      ...{ 'exchange e': undefined, 'queue a': undefined, 'queue b': 'missing', 'queue a.dead': undefined },
      ...{ 'subscription a': undefined, 'queue mine': 'foreign' },
    });
    assert.equal(
      edges.filter(({ state }) => state !== undefined).map(({ to, state }) => `${to} ${state}`),
      ['queue b missing', 'queue mine foreign'],
    );
    const { counts } = nodes.find(({ name }) => name === 'a') ?? {};
    assert.equal([counts?.messages, counts?.consumers], [1, 0]);
    const text = await run(['graph', '--live', '--focus', 'b']);
    assert.match(text.stdout, '  -> queue b  [k]  (missing)\n');
    assert.match(text.stdout, 'queue b (classic, missing)\n');
  }));

test('mq graph --live draws 1,000 queues as a few groups', () =>
  withManagement(async (served) => {
    const queues = Array.from({ length: 1000 }, (_, at) => ({
      name: `jobs.${at % 4}.${at}`,
      vhost: '/',
      durable: true,
    }));
    const body = { queues: queues.map((one) => ({ ...one, auto_delete: false, arguments: {} })), exchanges: [] };
    assert.is((await served.ask('POST /definitions', { body: { ...body, bindings: [] } })).status, 204);
    const run = runner(served);
    const { stdout } = await run(['graph', '--live']);
    assert.match(stdout, 'queue jobs.0.* (classic, not in rascal.json, 250 queues, 0 ready, 0 consumers)\n');
    assert.ok(stdout.split('\n').length < 30);
    const whole = await run(['graph', '--live', '--no-collapse']);
    assert.ok(whole.stdout.split('\n').length > 1000);
  }));

test.run();
