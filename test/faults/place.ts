// Where a trial takes place: a vhost of its own on a cluster, or an embedded broker of its own that keeps its data.

import { rmSync } from 'node:fs';
import { type ChannelModel, connect } from 'amqplib';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import { emptyFolder, type RunningMq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';
import { type TestBroker, type TestVhost, testVhost } from '../support/vhost.ts';
import type { History } from './history.ts';

export interface Place {
  readonly vhost: TestVhost;
  /** `embedded`, or RabbitMQ's version. */
  readonly version: string;
  /** Throws where there is none. */
  cluster(): Cluster;
  /** The embedded broker. Throws where there is none. */
  readonly broker: { kill(): Promise<void>; start(): Promise<void> };
  heal(): Promise<void>;
  /** Takes away what the place was made of. */
  end(): Promise<void>;
}

/** A new vhost on the cluster. What a consumer on a lost node held comes back after 5 s, where RabbitMQ (4.3) waits 60. */
export async function clusterPlace(cluster: Cluster): Promise<Place> {
  const { urls, managementUrls, name, version } = cluster;
  const vhost = await testVhost({ urls, managementUrls, cluster: name });
  if (!version.startsWith('4.0'))
    await vhost.api('PUT', `/api/policies/${vhost.name}/disconnected`, {
      pattern: '.*',
      definition: { 'consumer-disconnected-timeout': 5000 },
      'apply-to': 'quorum_queues',
    });
  const none = () => Promise.reject(new Error('a cluster is no embedded broker'));
  return {
    vhost,
    version,
    cluster: () => cluster,
    broker: { kill: none, start: none },
    heal: cluster.heal,
    end: async () => {
      await cluster.heal();
      await vhost.remove();
    },
  };
}

/** A new vhost in the broker that the environment names. */
export async function addressPlace(version: string): Promise<Place> {
  const { MQ_URL: url, MQ_MANAGEMENT_URL: management } = process.env;
  if (!url || !management) throw new Error('--broker needs MQ_URL and MQ_MANAGEMENT_URL');
  const vhost = await testVhost({ urls: [url], managementUrls: [management] });
  const none = () => Promise.reject(new Error('this broker is not to be stopped'));
  return {
    vhost,
    version,
    cluster: () => {
      throw new Error('the broker of an address is no cluster of ours');
    },
    broker: { kill: none, start: none },
    heal: async () => undefined,
    end: () => vhost.remove(),
  };
}

export async function embeddedPlace(): Promise<Place> {
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
      throw new Error('the embedded broker is no cluster');
    },
    broker: { kill, start },
    heal: async () => {
      if (running === undefined) await start();
    },
    end: async () => {
      await kill();
      rmSync(data, { recursive: true });
    },
  };
}

/** Another client, on the first node that takes it. */
export async function withClient<T>(place: Place, use: (connection: ChannelModel) => Promise<T>): Promise<T> {
  let failure: unknown;
  for (const url of place.vhost.urls) {
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

/** Takes what is in all queues of the vhost, until there is nothing: a message may be on its way from one to another. */
export async function drain(place: Place, history: History): Promise<void> {
  const { vhost } = place;
  const names = await until('the queues are listed', async () =>
    ((await vhost.api('GET', `/api/queues/${vhost.name}`)) as { name: string }[]).map(({ name }) => name),
  );
  await withClient(place, async (connection) => {
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
