// Compares the refusals of `mq check --target` with those of RabbitMQ for every argument on every type of queue.

import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkTarget, type Target, targets } from '../../src/config/target.ts';
import { testCluster } from '../support/cluster.ts';

const { cluster, release } = await testCluster();
test.after(release);

/**
 * Settings that the check refuses but the broker accepts. RabbitMQ 4.3.0 refuses the first one. No version refuses the
 * others, but no version implements them either.
 */
const exceptions = ['transient', 'x-ha-policy', 'ha-mode'];

const samples: Readonly<Record<string, unknown>> = {
  'x-message-ttl': 1000,
  'x-expires': 60_000,
  'x-max-length': 10,
  'x-max-length-bytes': 1000,
  'x-max-priority': 5,
  'x-overflow': 'reject-publish',
  'x-delivery-limit': 5,
  'x-dead-letter-exchange': 'x',
  'x-dead-letter-strategy': 'at-most-once',
  'x-single-active-consumer': true,
  'x-quorum-initial-group-size': 1,
  'x-queue-leader-locator': 'balanced',
  'x-max-age': '7D',
  'x-stream-max-segment-size-bytes': 1_000_000,
  'x-stream-filter-size-bytes': 32,
  'x-initial-cluster-size': 1,
  'x-max-in-memory-length': 5,
  'x-max-in-memory-bytes': 5,
  'x-consumer-timeout': 60_000,
  'x-consumer-disconnected-timeout': 60_000,
  'x-queue-mode': 'lazy',
  'x-queue-version': 1,
  'x-queue-master-locator': 'min-masters',
  'x-ha-policy': 'all',
  'ha-mode': 'all',
};
const properties: Readonly<Record<string, object>> = {
  plain: {},
  transient: { durable: false },
  exclusive: { exclusive: true },
  'transient and exclusive': { durable: false, exclusive: true },
  autoDelete: { autoDelete: true },
};

test('check and broker refuse the same arguments for every type of queue', async () => {
  let connection = await open();
  const target = versionOf(connection);
  const differences: string[] = [];
  for (const type of ['classic', 'quorum', 'stream']) {
    const rows = [
      ...Object.entries(properties).map(([what, options]) => ({ what, options, args: {} })),
      ...Object.entries(samples).map(([what, value]) => ({ what, options: {}, args: { [what]: value } })),
    ];
    for (const { what, options, args } of rows) {
      const settings = { durable: true, ...options, arguments: { 'x-queue-type': type, ...args } };
      const byCheck = refused(settings, target);
      const byBroker = await tried(settings);
      const isException =
        byCheck && !byBroker && exceptions.includes(what) && (what !== 'transient' || type === 'classic');
      if (byCheck !== byBroker && !isException)
        differences.push(`${type} ${what}: refused by check: ${byCheck}, by broker: ${byBroker}`);
    }
  }
  await connection.close();
  assert.equal(differences, []);

  /** Returns `true` if the broker refuses a queue with these settings. */
  async function tried(settings: object): Promise<boolean> {
    const queue = `target-${randomUUID()}`;
    const channel = await connection.createChannel().catch(async () => {
      // The previous refusal closed the connection.
      connection = await open();
      return connection.createChannel();
    });
    channel.on('error', () => undefined);
    try {
      await channel.assertQueue(queue, settings);
      await channel.deleteQueue(queue);
      await channel.close();
      return false;
    } catch {
      return true;
    }
  }
});

test('global prefetch on a quorum queue: 4.0 refuses, 4.3 limits consumers', async () => {
  const own = await open();
  const queue = `target-${randomUUID()}`;
  const channel = await own.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  for (let sent = 0; sent < 10; sent += 1) channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();

  const connection = await open();
  const limited = await connection.createChannel();
  limited.on('error', () => undefined);
  const ended = new Promise<string>((closed) => connection.on('error', ({ message }: Error) => closed(message)));
  await limited.prefetch(2, true);
  let received = 0;
  const enough = Promise.withResolvers<string>();
  const take = () => {
    received += 1;
    if (received === 4) enough.resolve('two consumers with two messages each');
  };
  await Promise.all([limited.consume(queue, take), limited.consume(queue, take)]).catch(() => undefined);
  const what = await Promise.race([ended, enough.promise]);
  await channel.deleteQueue(queue);
  await own.close();
  await connection.close().catch(() => undefined);
  assert.match(what, versionOf(own) === '4.0' ? 'NOT_IMPLEMENTED' : 'two consumers with two messages each');
});

test('check and broker refuse the same policies', async () => {
  const connection = await open();
  const target = versionOf(connection);
  await connection.close();
  const policies: Record<string, unknown>[] = [
    { 'ha-mode': 'all' },
    { 'ha-sync-mode': 'automatic' },
    { 'queue-master-locator': 'min-masters' },
    { 'queue-leader-locator': 'balanced' },
    { 'queue-mode': 'lazy' },
    { 'queue-version': 1 },
  ];
  for (const definition of policies) {
    const name = `target-${randomUUID()}`;
    const { problems } = checkTarget(JSON.stringify({ policies: [{ vhost: '/', name, pattern: name, definition }] }), {
      env: {},
      target,
    });
    const { exitCode } = await cluster.exec(0, ['rabbitmqctl', 'set_policy', name, name, JSON.stringify(definition)]);
    if (exitCode === 0) await cluster.exec(0, ['rabbitmqctl', 'clear_policy', name]);
    assert.is(
      exitCode !== 0,
      problems.some(({ code }) => code === 'refused'),
      JSON.stringify(definition),
    );
  }
});

async function open(): Promise<ChannelModel> {
  const connection = await connect(String(cluster.urls[0]));
  connection.on('error', () => undefined);
  return connection;
}

function versionOf({ connection }: ChannelModel): Target {
  const { version } = (connection as unknown as { serverProperties: { version: string } }).serverProperties;
  const target = targets.find((one) => version.startsWith(one));
  if (target === undefined) throw new Error(`no target is RabbitMQ ${version}`);
  return target;
}

function refused(options: object, target: Target): boolean {
  const text = JSON.stringify({ vhosts: { '/': { queues: { q: { options } } } } });
  return checkTarget(text, { env: {}, target }).problems.some(({ code }) => code === 'refused');
}

test.run();
