// Provides the tests of mq apply --replace with a rascal.json whose queue differs from that of the broker.

import { join } from 'node:path';
import { type ConfirmChannel, connect, type GetMessage, type Options } from 'amqplib';
import { type CliRun, runCli } from './cli.ts';
import { emptyFolder } from './mq.ts';
import { type TestVhost, testVhost } from './vhost.ts';

/** A vhost with the exchange `events` and the queue `orders`, which is bound to it with `order.*`. */
export interface Shop {
  readonly vhost: TestVhost;
  /** Channel of another client. */
  readonly channel: ConfirmChannel;
  /** Folder with the rascal.json. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly run: (args: readonly string[]) => Promise<CliRun>;
}

/** The queue `orders`: the options of rascal.json, and those with which another client has declared it. */
export interface Differing {
  readonly wanted: Options.AssertQueue;
  readonly found: Options.AssertQueue;
}

export const quorum = { arguments: { 'x-queue-type': 'quorum' } };
const classic = { arguments: { 'x-queue-type': 'classic' } };

export const kinds: Readonly<Record<string, Differing>> = {
  'a classic queue by a quorum queue': { wanted: quorum, found: classic },
  'a quorum queue by a classic queue': { wanted: classic, found: quorum },
  'an argument of a classic queue': { wanted: { ...classic, maxLength: 100_000 }, found: classic },
};

/** Runs `use` with the vhost, in which another client has declared everything. */
export async function withShop({ wanted, found }: Differing, use: (shop: Shop) => Promise<void>): Promise<void> {
  const vhost = await testVhost();
  const connection = await connect(vhost.urls[0] ?? '');
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange('events', 'topic');
    await channel.assertQueue('orders', found);
    await channel.bindQueue('orders', 'events', 'order.*');
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify(fileWith(wanted)) });
    const env = {
      MQ_CONFIG: join(cwd, 'rascal.json'),
      MQ_URL: vhost.url,
      MQ_MANAGEMENT_URL: vhost.managementUrls.join(','),
    };
    await use({ vhost, channel, cwd, env, run: (args) => runCli(args, { env }) });
  } finally {
    await connection.close().catch(() => undefined);
    await vhost.remove();
  }
}

function fileWith(wanted: Options.AssertQueue) {
  return {
    vhosts: {
      '/': {
        exchanges: { events: { type: 'topic' } },
        queues: { orders: { options: wanted } },
        bindings: ['events[order.*] -> orders'],
      },
    },
  };
}

/** Receives and acknowledges all messages of a queue. */
export async function received(channel: ConfirmChannel, queue: string): Promise<GetMessage[]> {
  const all: GetMessage[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (!message) return all;
    all.push(message);
  }
}

/** Returns the names of the queues and of the exchanges other than `amq.*`, and `source key` of each binding of `orders`. */
export async function objectsIn({ name, api }: TestVhost) {
  const names = async (kind: string) => {
    const list = (await api('GET', `/api/${kind}/${name}?columns=name`)) as { name: string }[];
    return list.map((one) => one.name).filter((one) => one !== '' && !one.startsWith('amq.'));
  };
  const bindings = (await api('GET', `/api/queues/${name}/orders/bindings`)) as {
    source: string;
    routing_key: string;
  }[];
  return {
    queues: (await names('queues')).toSorted(),
    exchanges: (await names('exchanges')).toSorted(),
    bindings: bindings
      .filter(({ source }) => source !== '')
      .map(({ source, routing_key }) => `${source} ${routing_key}`)
      .toSorted(),
  };
}
