// The RabbitMQ node, queues, folders and files that the parts of the benchmark share.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqplib from 'amqplib';
import { startCluster } from '../../../src/cluster/start.ts';
import { emptyFolder } from '../../support/mq.ts';

export interface Settings {
  /** Rounds of each comparison. */
  readonly runs: number;
  /** Messages of each measurement. */
  readonly messages: number;
  /** Returns the RabbitMQ node. The first call starts it. */
  readonly node: () => Promise<RabbitNode>;
}

export interface RabbitNode {
  readonly url: string;
  readonly managementUrl: string | undefined;
  /** Name of the container, if the benchmark started one. */
  readonly container: string | undefined;
  stop(): Promise<void>;
}

export const window = '256';
export const prefetch = '256';

/** Returns the broker of MQ_URL and MQ_MANAGEMENT_URL, or starts a node from the image mq-rabbitmq:4.3. */
export async function openNode(): Promise<RabbitNode> {
  const { MQ_URL: url, MQ_MANAGEMENT_URL: managementUrl } = process.env;
  if (url !== undefined) return { url, managementUrl, container: undefined, stop: async () => undefined };
  const own = await startCluster({ nodes: 1, image: 'mq-rabbitmq:4.3', owner: process.pid });
  return {
    url: own.url,
    managementUrl: own.managementUrls[0],
    container: own.containers[0],
    stop: () => own.down(),
  };
}

/** Returns a new folder with a rascal.json for one queue: publication and subscription `bench`. */
export function configured(queue: string, type: string): string {
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': type } } } } } },
    publications: { bench: { queue } },
    subscriptions: { bench: { queue } },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config), 'empty.js': 'export default () => undefined;\n' });
}

/** Writes a file with this number of lines of 100 bytes. */
export function linesFile(folder: string, lines: number): string {
  const file = join(folder, `lines-${lines}`);
  writeFileSync(file, `${'x'.repeat(100)}\n`.repeat(lines));
  return file;
}

/** Declares the queue again, with this number of persistent messages of 100 bytes. */
export async function declare(url: string, queue: string, type: string, messages = 0): Promise<void> {
  const connection = await amqplib.connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  await channel.deleteQueue(queue);
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
  const body = Buffer.alloc(100, 'x');
  for (let sent = 0; sent < messages; sent += 1) {
    if (!channel.sendToQueue(queue, body, { persistent: true })) {
      await new Promise((drained) => channel.once('drain', drained));
    }
  }
  await channel.waitForConfirms();
  await connection.close();
}
