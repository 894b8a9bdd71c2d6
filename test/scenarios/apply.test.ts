// Tests mq apply on each broker: what it creates, that a second run writes nothing, and policies. Each test has a vhost of
// its own.

import { join } from 'node:path';
import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliRun, runCli } from '../support/cli.ts';
import { emptyFolder } from '../support/mq.ts';
import { plannedFile } from '../support/plan.ts';
import { withRecorder, writesOf } from '../support/recorder.ts';
import { type TestVhost, testVhost } from '../support/vhost.ts';

const limits = { pattern: '^(plain|audit)$', applyTo: 'queues', priority: 2, definition: { 'max-length': 1000 } };

/** The planned file with policies for a vhost of the broker. */
function withPolicies(policies: object, operatorPolicies: object = {}) {
  return {
    ...plannedFile,
    mq: { ...plannedFile.mq, policies: { '/': policies }, operatorPolicies: { '/': operatorPolicies } },
  };
}

test('creates everything, and a second run writes nothing', () =>
  withVhost(async (vhost) => {
    const content = withPolicies({ limits }, { cap: { pattern: '.*', definition: { 'max-length': 5000 } } });
    const [url = ''] = vhost.urls;
    const [managementUrl = ''] = vhost.managementUrls;
    await withRecorder({ url, managementUrl }, async (recorder) => {
      const run = runnerOf(recorder, content);
      const first = await run(['apply', '--yes', '--json', '--trust-management']);
      assert.is(first.status, 0, first.stderr);
      const steps = linesOf(first.stdout);
      assert.ok(steps.every(({ result, action }) => result === 'done' && action === 'create'));
      assert.equal(
        [...new Set(steps.map(({ kind }) => kind))],
        ['policy', 'operator-policy', 'exchange', 'queue', 'binding'],
      );
      assert.is(writesOf(recorder).length, steps.length);
      recorder.requests.length = 0;
      recorder.methods.length = 0;
      const second = await run(['apply', '--yes', '--json', '--trust-management']);
      assert.equal([second.status, second.stdout, second.stderr], [0, '', '']);
      assert.equal(writesOf(recorder), []);
      // Neither does it connect over AMQP.
      assert.equal(recorder.methods, []);
      // Five lists, and the default queue types.
      assert.is(recorder.requests.length, 6);
    });
  }));

test('updates a policy, and leaves the policies and bindings of others', () =>
  withVhost(async (vhost) => {
    const run = runnerOf(place(vhost), withPolicies({ limits }));
    assert.is((await run(['apply', '--yes'])).status, 0);
    const theirs = { pattern: '^theirs$', 'apply-to': 'queues', priority: 0, definition: { expires: 60_000 } };
    await vhost.api('PUT', `/api/policies/${vhost.name}/theirs`, theirs);
    const connection = await connect(vhost.urls[0] ?? '');
    const channel = await connection.createChannel();
    await channel.bindQueue('bill', 'orders', 'more.*');
    await connection.close();
    const changed = runnerOf(
      place(vhost),
      withPolicies({ limits: { ...limits, definition: { 'max-length': 2000, overflow: 'reject-publish' } } }),
    );
    const planned = await changed(['plan', '--json']);
    assert.equal(
      (JSON.parse(planned.stdout) as { differences: Record<string, unknown>[] }).differences.map(
        ({ action, kind, name, attributes, policyRisk }) => ({ action, kind, name, attributes, policyRisk }),
      ),
      [
        {
          ...{ action: 'update', kind: 'policy', name: 'limits' },
          attributes: [
            { attribute: 'max-length', wanted: 2000, found: 1000, isRefused: false },
            { attribute: 'overflow', wanted: 'reject-publish', found: null, isRefused: false },
          ],
          policyRisk: { queues: 2, otherQueues: 0, messages: 0, removing: ['max-length'] },
        },
      ],
    );
    assert.is((await changed(['apply', '--yes'])).status, 0);
    assert.is((await changed(['plan'])).status, 0);
    const policies = (await vhost.api('GET', `/api/policies/${vhost.name}`)) as { name: string; definition: unknown }[];
    assert.equal(policies.map(({ name, definition }) => [name, definition]).toSorted(), [
      ['limits', { 'max-length': 2000, overflow: 'reject-publish' }],
      ['theirs', { expires: 60_000 }],
    ]);
    const bindings = (await vhost.api('GET', `/api/bindings/${vhost.name}`)) as { routing_key: string }[];
    assert.ok(bindings.some(({ routing_key: key }) => key === 'more.*'));
  }));

test('a queue needs no replacement with the policy that the plan contains', () =>
  withVhost(async (vhost) => {
    const file = (arguments_: object, mq: object = {}) => ({
      vhosts: { '/': { queues: { q: { options: { arguments: { 'x-queue-type': 'quorum', ...arguments_ } } } } } },
      mq,
    });
    assert.is((await runnerOf(place(vhost), file({ 'x-max-length': 9 }))(['apply', '--yes'])).status, 0);
    const wanted = { 'x-max-length': 5, 'x-delivery-limit': 7, 'x-dead-letter-exchange': 'amq.fanout' };
    const { status, stdout } = await runnerOf(place(vhost), file(wanted))(['plan', '--json']);
    const [
      {
        action,
        policy: { name, ...policy },
      },
    ] = JSON.parse(stdout).differences;
    assert.equal([status, action, name], [1, 'replace', 'q']);
    const instead = runnerOf(place(vhost), file({ 'x-max-length': 9 }, { policies: { '/': { [name]: policy } } }));
    const applied = await instead(['apply', '--yes']);
    assert.is(applied.status, 0, applied.stderr);
    assert.is((await instead(['plan'])).status, 0);
  }));

test('mq init --from writes the policies, so that the plan has nothing to do', () =>
  withVhost(async (vhost) => {
    assert.is(
      (
        await runnerOf(
          place(vhost),
          withPolicies({ limits, all: { pattern: '', definition: { expires: 60_000 } } }),
        )(['apply', '--yes'])
      ).status,
      0,
    );
    const cwd = emptyFolder();
    const env = { MQ_URL: vhost.url, MQ_MANAGEMENT_URL: vhost.managementUrls[0] ?? '' };
    const made = await runCli(['init', '--from', vhost.urls[0] ?? ''], { cwd, env });
    assert.is(made.status, 0, made.stderr);
    const { status, stdout } = await runCli(['plan', '--json'], { cwd, env });
    const { differences, others } = JSON.parse(stdout);
    assert.equal([status, differences, others[0].policies], [0, [], []]);
  }));

function place({ urls, managementUrls }: TestVhost) {
  return { url: urls[0] ?? '', managementUrl: managementUrls[0] ?? '' };
}

function linesOf(stdout: string): Record<string, unknown>[] {
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]));
}

async function withVhost(use: (vhost: TestVhost) => Promise<void>): Promise<void> {
  const vhost = await testVhost();
  try {
    await use(vhost);
  } finally {
    await vhost.remove();
  }
}

/** Returns a function that runs mq with this rascal.json. */
function runnerOf({ url, managementUrl }: { url: string; managementUrl: string }, content: unknown) {
  const config = join(emptyFolder({ 'rascal.json': JSON.stringify(content) }), 'rascal.json');
  const env = { MQ_CONFIG: config, MQ_URL: url, MQ_MANAGEMENT_URL: managementUrl };
  return (args: readonly string[]): Promise<CliRun> => runCli(args, { env });
}

test.run();
