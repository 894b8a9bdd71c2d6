// The broker of a trial: a new vhost on a cluster or at MQ_URL, or a new embedded broker with a store.

import { rmSync } from 'node:fs';
import { type ChannelModel, connect } from 'amqplib';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import { emptyFolder, type RunningMq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';
import { type TestBroker, type TestVhost, testVhost } from '../support/vhost.ts';
import type { History } from './history.ts';

export interface TrialBroker {
  readonly vhost: TestVhost;
  /** `embedded`, or RabbitMQ's version. */
  readonly version: string;
  /** Returns the cluster. Throws if the broker is not a cluster. */
  cluster(): Cluster;
  /** Kills and restarts the embedded broker. Rejects for any other broker. */
  readonly server: { kill(): Promise<void>; start(): Promise<void> };
  /** Starts all stopped nodes, and ends all faults of the cluster. */
  heal(): Promise<void>;
  /** Removes the vhost, or stops the broker and removes its data. */
  end(): Promise<void>;
}

/**
 * Creates a vhost on the cluster. If the node of a consumer is lost, its messages return after 5 s, because the default of
 * RabbitMQ 4.3, 60 s, would exceed the recovery times.
 */
export async function clusterBroker(cluster: Cluster): Promise<TrialBroker> {
  const { urls, managementUrls, name, version } = cluster;
  const vhost = await testVhost({ urls, managementUrls, cluster: name });
  if (!version.startsWith('4.0'))
    await vhost.api('PUT', `/api/policies/${vhost.name}/disconnected`, {
      pattern: '.*',
      definition: { 'consumer-disconnected-timeout': 5000 },
      'apply-to': 'quorum_queues',
    });
  const none = () => Promise.reject(new Error('a cluster is not an embedded broker'));
  return {
    vhost,
    version,
    cluster: () => cluster,
    server: { kill: none, start: none },
    heal: cluster.heal,
    end: async () => {
      await cluster.heal();
      await vhost.remove();
    },
  };
}

/** Creates a vhost on the broker at MQ_URL. */
export async function addressBroker(version: string): Promise<TrialBroker> {
  const { MQ_URL: url, MQ_MANAGEMENT_URL: management } = process.env;
  if (!url || !management) throw new Error('--broker requires MQ_URL and MQ_MANAGEMENT_URL');
  const vhost = await testVhost({ urls: [url], managementUrls: [management] });
  const none = () => Promise.reject(new Error('the broker at MQ_URL must not be stopped'));
  return {
    vhost,
    version,
    cluster: () => {
      throw new Error('the broker at MQ_URL is not a cluster of mq');
    },
    server: { kill: none, start: none },
    heal: async () => undefined,
    end: () => vhost.remove(),
  };
}

/** Starts an embedded broker with a store in a new folder. */
export async function embeddedBroker(): Promise<TrialBroker> {
  const [port, managementPort] = await freePorts(2, '127.0.0.1');
  const data = emptyFolder();
  let running: RunningMq | undefined;
  const start = async () => {
    const ports = ['--port', String(port), '--management-port', String(managementPort)];
    running = startMq(['broker', ...ports, '--data', data, '--json'], { deadlineMs: 2 ** 31 - 1 });
    running.stdin.end();
    await running.prints(/\n/);
  };
  const kill = async () => {
    running?.kill('SIGKILL');
    await running?.ended;
    running = undefined;
  };
  await start();
  const described: TestBroker = {
    urls: [`amqp://guest:guest@127.0.0.1:${port}`],
    managementUrls: [`http://guest:guest@127.0.0.1:${managementPort}`],
  };
  return {
    vhost: await testVhost(described),
    version: 'embedded',
    cluster: () => {
      throw new Error('the embedded broker is not a cluster');
    },
    server: { kill, start },
    heal: async () => {
      if (running === undefined) await start();
    },
    end: async () => {
      await kill();
      rmSync(data, { recursive: true });
    },
  };
}

/** Calls `use` with a connection to the first node that accepts one. */
export async function withClient<T>(broker: TrialBroker, use: (connection: ChannelModel) => Promise<T>): Promise<T> {
  let failure: unknown;
  for (const url of broker.vhost.urls) {
    let connection: ChannelModel;
    try {
      connection = await connect(url);
    } catch (error) {
      failure = error;
      continue;
    }
    connection.on('error', () => undefined);
    try {
      return await use(connection);
    } finally {
      await connection.close();
    }
  }
  throw failure;
}

/**
 * Removes the messages of all queues of the vhost, and records them. Repeats this until all queues are empty twice, because a
 * message may be in transit between two queues.
 */
export async function drain(broker: TrialBroker, history: History): Promise<void> {
  const { vhost } = broker;
  const names = await until('the queues are listed', async () =>
    ((await vhost.api('GET', `/api/queues/${vhost.name}`)) as { name: string }[]).map(({ name }) => name),
  );
  await withClient(broker, async (connection) => {
    const channel = await connection.createChannel();
    let empty = 0;
    while (empty < 2) {
      let taken = 0;
      for (const name of names) {
        for (;;) {
          const message = await channel.get(name, { noAck: true });
          if (message === false) break;
          taken += 1;
          (name.endsWith('.dead') ? history.deadLettered : history.drained).push(message.content.toString());
        }
      }
      empty = taken === 0 ? empty + 1 : 0;
    }
    await channel.close();
  });
}
