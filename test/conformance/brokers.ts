// The two brokers that are compared: by their addresses, or started here.

import amqplib from 'amqplib';
import { startBroker } from '../../src/broker/server.ts';
import { startCluster } from '../../src/cluster/start.ts';
import type { TestBroker } from '../support/vhost.ts';

export interface Place {
  /** With user and password, without a path. */
  readonly url: string;
  end(): Promise<void>;
}

const borrowed = async () => undefined;

/**
 * RabbitMQ: MQ_CONFORMANCE_RABBITMQ (a URL), else the one that test/run.ts has started (MQ_TEST_BROKER), else a node
 * of its own from the image MQ_TEST_IMAGE.
 */
export async function rabbitmq(): Promise<Place & { readonly version: string }> {
  const place = await rabbitmqPlace();
  const connection = await amqplib.connect(place.url);
  const { version } = connection.connection.serverProperties as { version?: unknown };
  await connection.close();
  return { ...place, version: String(version).split('.').slice(0, 2).join('.') };
}

async function rabbitmqPlace(): Promise<Place> {
  const given = process.env['MQ_CONFORMANCE_RABBITMQ'];
  if (given !== undefined) return { url: trimmed(given), end: borrowed };
  const described = process.env['MQ_TEST_BROKER'];
  if (described !== undefined) {
    const { urls } = JSON.parse(described) as TestBroker;
    return { url: trimmed(urls[0] ?? ''), end: borrowed };
  }
  const image = process.env['MQ_TEST_IMAGE'] ?? 'mq-rabbitmq:4.3';
  const cluster = await startCluster({ image, nodes: 1, owner: process.pid });
  return { url: trimmed(cluster.urls[0] ?? ''), end: cluster.down };
}

/** mq's own broker: MQ_CONFORMANCE_MQ (a URL), else one in this process. */
export async function mq(): Promise<Place> {
  const given = process.env['MQ_CONFORMANCE_MQ'];
  if (given !== undefined) return { url: trimmed(given), end: borrowed };
  const broker = await startBroker();
  return { url: `amqp://guest:guest@${broker.host}:${broker.port}`, end: () => broker.close() };
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}
