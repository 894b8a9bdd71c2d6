// Each test breaks one object in a vhost of its own, and mq check --live finds exactly that object.

import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliRun, runCli } from '../support/cli.ts';
import { quorum } from '../support/plan.ts';
import { until } from '../support/until.ts';
import { type TestVhost, testVhost } from '../support/vhost.ts';

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly kind: string;
  readonly name: string;
  readonly vhost?: string;
}

interface Broken {
  readonly title: string;
  /** `only40`: RabbitMQ 4.3 and the embedded broker refuse this state. */
  readonly only40?: true;
  readonly make: (vhost: TestVhost, connection: ChannelModel) => Promise<unknown>;
  /** `code severity kind name`, with the rules of 4.3. */
  readonly finding: string;
}

const declares = (name: string, options: object) => async (_: TestVhost, connection: ChannelModel) => {
  const channel = await connection.createChannel();
  await channel.assertQueue(name, options);
};
const sets = (name: string, policy: object) => (vhost: TestVhost) =>
  vhost.api('PUT', `/api/policies/${vhost.name}/${name}`, policy);

const rows: readonly Broken[] = [
  {
    title: 'a queue that is neither durable nor exclusive',
    only40: true,
    make: declares('brief', { durable: false }),
    finding: 'transient-queue error queue brief',
  },
  {
    title: 'a classic queue of version 1',
    only40: true,
    make: declares('old', { arguments: { 'x-queue-version': 1 } }),
    finding: 'queue-version error queue old',
  },
  {
    title: 'a queue with a master locator',
    only40: true,
    make: declares('near', { arguments: { 'x-queue-master-locator': 'min-masters' } }),
    finding: 'master-locator error queue near',
  },
  {
    title: 'a lazy queue',
    only40: true,
    make: declares('lazy', { arguments: { 'x-queue-mode': 'lazy' } }),
    finding: 'queue-mode warning queue lazy',
  },
  {
    title: 'a queue that asks for mirrors',
    make: declares('mirrored', { arguments: { 'x-ha-policy': 'all' } }),
    finding: 'mirroring error queue mirrored',
  },
  {
    title: 'an argument that RabbitMQ 4.3 refuses on a classic queue',
    only40: true,
    make: declares('slow', { arguments: { 'x-consumer-timeout': 60_000 } }),
    finding: 'queue-argument error queue slow',
  },
  {
    title: 'a quorum queue without a dead-letter target',
    make: declares('drops', { arguments: quorum }),
    finding: 'no-dead-letter-target warning queue drops',
  },
  {
    title: 'a topic binding with three #',
    only40: true,
    make: async (_, connection) => {
      const channel = await connection.createChannel();
      await channel.bindQueue('good', 'amq.topic', '#.a.#.b.#');
    },
    finding: 'many-wildcards error binding amq.topic -> good (#.a.#.b.#)',
  },
  {
    title: 'a policy with a master locator',
    only40: true,
    make: sets('near', { pattern: '^good$', definition: { 'queue-master-locator': 'min-masters' } }),
    finding: 'master-locator error policy near',
  },
  {
    title: 'a policy with version 1 of classic queues',
    only40: true,
    make: sets('old', { pattern: '^good$', definition: { 'queue-version': 1 } }),
    finding: 'queue-version warning policy old',
  },
  {
    title: 'a policy that matches nothing',
    make: sets('idle', { pattern: '^nothing', definition: { 'max-length': 9 } }),
    finding: 'unused-policy warning policy idle',
  },
  {
    title: 'a policy for another kind of object',
    make: sets('idle', { pattern: '^good$', 'apply-to': 'exchanges', definition: { 'alternate-exchange': 'x' } }),
    finding: 'unused-policy warning policy idle',
  },
  {
    title: 'two policies with the same priority',
    make: async (vhost) => {
      for (const name of ['a', 'b'])
        await sets(name, { pattern: '^good$', 'apply-to': 'queues', definition: { 'max-length': 9 } })(vhost);
    },
    finding: 'tied-policies warning policy a, b',
  },
  {
    title: 'a connection with a small frame_max',
    only40: true,
    make: async ({ urls }, connection) => {
      const small = await connect(`${urls[0]}?frameMax=4096`, { clientProperties: { connection_name: 'small' } });
      connection.once('close', () => small.close().catch(() => undefined));
    },
    finding: 'small-frame-max error connection small',
  },
];

for (const { title, only40, make, finding } of rows)
  test(`finds ${title}, and nothing else`, () =>
    withVhost(async (vhost, connection, run) => {
      if (only40 && !(await is40(vhost))) return;
      await make(vhost, connection);
      // RabbitMQ lists a connection some seconds after it is open.
      const { found, all, status } = await until('the finding', async () => {
        const checked = await run(['--json', '--target', '4.3']);
        const all = findingsIn(checked);
        const found = ownFindings(all, vhost);
        return found.length > 0 && { found, all, status: checked.status };
      });
      assert.equal(found.map(lineOf), [finding]);
      assert.is(status, all.some(({ severity }) => severity === 'error') ? 1 : 0);
      assert.is((await run(['--target', '4.3', '--deny-warnings'])).status, 1);
    }));

test('finds nothing in a vhost without problems', () =>
  withVhost(async (vhost, _, run) => {
    const checked = await run(['--json']);
    assert.equal(ownFindings(findingsIn(checked), vhost), []);
    assert.is(checked.status, 0);
  }));

test('a queue with a dead-letter exchange by policy drops nothing', () =>
  withVhost(async (vhost, connection, run) => {
    await declares('safe', { arguments: quorum })(vhost, connection);
    await sets('dead', { pattern: '^safe$', definition: { 'dead-letter-exchange': 'amq.fanout' } })(vhost);
    assert.equal(ownFindings(findingsIn(await run(['--json', '--target', '4.3'])), vhost), []);
  }));

test('names a vhost in which the user has no permission', () =>
  withVhost(async (vhost) => {
    // RabbitMQ 4.3 and the embedded broker show every vhost to a user with the tag monitoring.
    if (!(await is40(vhost))) return;
    const [username, password] = [`mq-${randomUUID()}`, randomUUID()];
    await vhost.api('PUT', `/api/users/${username}`, { password, tags: 'monitoring' });
    try {
      const urls = vhost.managementUrls.map((url) => Object.assign(new URL(url), { username, password }).href);
      const checked = await runCli(['check', '--live', '--json', '--management-url', urls.join(',')], {});
      assert.equal(ownFindings(findingsIn(checked), vhost).map(lineOf), [`not-visible warning vhost ${vhost.name}`]);
    } finally {
      await vhost.api('DELETE', `/api/users/${username}`);
    }
  }));

function lineOf({ code, severity, kind, name }: Finding): string {
  return `${code} ${severity} ${kind} ${name}`;
}

function findingsIn({ stdout }: CliRun): Finding[] {
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Finding]));
}

/** Returns the findings of the vhost. Feature flags and deprecated features belong to the whole broker. */
function ownFindings(all: readonly Finding[], vhost: TestVhost): Finding[] {
  return all.filter(({ vhost: of }) => of === vhost.name);
}

async function is40({ api }: TestVhost): Promise<boolean> {
  const { rabbitmq_version: version } = (await api('GET', '/api/overview')) as { rabbitmq_version: string };
  return version.startsWith('4.0.');
}

type Run = (args: readonly string[]) => Promise<CliRun>;

/** Runs `use` with a vhost that has a queue, a binding and a policy without problems. */
async function withVhost(use: (vhost: TestVhost, connection: ChannelModel, run: Run) => Promise<void>): Promise<void> {
  const vhost = await testVhost();
  const connection = await connect(vhost.urls[0] ?? '');
  try {
    const channel = await connection.createChannel();
    await channel.assertQueue('good', { arguments: { ...quorum, 'x-delivery-limit': 5 } });
    await channel.bindQueue('good', 'amq.topic', '#.a.#');
    const env = { MQ_URL: vhost.url, MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') };
    await use(vhost, connection, (args) => runCli(['check', '--live', ...args], { env }));
  } finally {
    await connection.close();
    await vhost.remove();
  }
}

test.run();
