// Starts the two brokers that are compared, or uses running brokers from environment variables.

import amqplib from 'amqplib';
import { startManagement } from '../../src/broker/management.ts';
import { startBroker } from '../../src/broker/server.ts';
import { startCluster } from '../../src/cluster/start.ts';
import type { TestBroker } from '../support/vhost.ts';
import type { Address } from './clients.ts';

export interface RunningBroker extends Address {
  end(): Promise<void>;
}

const borrowed = async () => undefined;

/**
 * Returns RabbitMQ. It is the broker at MQ_CONFORMANCE_RABBITMQ and MQ_CONFORMANCE_RABBITMQ_MANAGEMENT (both are URLs), or
 * else the broker of `mq test --on …` (MQ_TEST_BROKER), or else a new node of the image MQ_TEST_IMAGE.
 */
export async function rabbitmq(): Promise<RunningBroker & { readonly version: string }> {
  const broker = await startRabbitmq();
  const connection = await amqplib.connect(broker.url);
  const { version } = connection.connection.serverProperties as { version?: unknown };
  await connection.close();
  return { ...broker, version: String(version).split('.').slice(0, 2).join('.') };
}

async function startRabbitmq(): Promise<RunningBroker> {
  const given = process.env['MQ_CONFORMANCE_RABBITMQ'];
  if (given !== undefined) return { ...named(given, process.env['MQ_CONFORMANCE_RABBITMQ_MANAGEMENT']), end: borrowed };
  const described = process.env['MQ_TEST_BROKER'];
  if (described !== undefined) {
    const { urls, managementUrls } = JSON.parse(described) as TestBroker;
    return { ...named(urls[0], managementUrls[0]), end: borrowed };
  }
  const image = process.env['MQ_TEST_IMAGE'] ?? 'mq-rabbitmq:4.3';
  const cluster = await startCluster({ image, nodes: 1, owner: process.pid });
  return { ...named(cluster.urls[0], cluster.managementUrls[0]), end: cluster.down };
}

/** Returns the broker at the URLs MQ_CONFORMANCE_MQ and MQ_CONFORMANCE_MQ_MANAGEMENT, or an embedded broker in this process. */
export async function mq(): Promise<RunningBroker> {
  const given = process.env['MQ_CONFORMANCE_MQ'];
  if (given !== undefined) return { ...named(given, process.env['MQ_CONFORMANCE_MQ_MANAGEMENT']), end: borrowed };
  const broker = await startBroker();
  const management = await startManagement(broker, { pid: process.pid });
  const end = async () => {
    await management.close();
    await broker.close();
  };
  return { ...named(`amqp://guest:guest@${broker.host}:${broker.port}`, management.url), end };
}

function named(url = '', managementUrl = ''): Address {
  const { origin } = managementUrl === '' ? { origin: '' } : new URL(managementUrl);
  return { url: url.replace(/\/+$/, ''), managementUrl: origin };
}
