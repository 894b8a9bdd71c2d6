// Publishes to, or receives from, an exchange or queue that the command line names, without an entry in rascal.json.
// The exchange or queue must exist. mq declares only what it always declares for a receiver: the wait queues and the
// dead-letter queue, when the first message fails.

import { isDeepStrictEqual } from 'node:util';
import { type Config, namePrefix, type VhostConfig } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import { delayName } from '../../../delay/configured.ts';
import type { Values } from '../../arguments/values.ts';
import { vhostOf } from '../session.ts';

interface AnyTarget {
  /** Publication or subscription for the target. */
  readonly name: string;
  /** The configuration with that publication or subscription. */
  readonly config: Config;
}

/** Returns a publication to the target of --exchange or --queue. Returns `undefined` if neither is given. */
export function anyPublication(values: Values, config: Config): AnyTarget | undefined {
  const { queue, exchange } = targetOf(values);
  const { vhost, own } = ownVhost(config);
  // `mq delayed` finds the messages of the whole file under this name, which includes the namespace.
  const start = delayName(config, vhost);
  if (queue !== undefined) {
    // The default exchange routes by the name of the queue, so that another key leads to another queue.
    if ((values.text('routing-key') ?? queue) !== queue)
      throw values.usage('--routing-key excludes --queue, whose name is the routing key', '--exchange accepts a key');
    const name = `queue ${queue}`;
    const publications = { [name]: { vhost, queue } };
    return { name, config: withVhost({ ...config, publications, delayName: start }, vhost, withQueue(own, queue)) };
  }
  if (exchange === undefined) return undefined;
  const name = `exchange ${exchange}`;
  const publications = { [name]: { vhost, exchange } };
  return { name, config: withVhost({ ...config, publications, delayName: start }, vhost, withExchange(own, exchange)) };
}

/** Returns a subscription to the target of --exchange or --queue. Returns `undefined` if neither is given. */
export function anySubscription(values: Values, config: Config, env: Context['env']): AnyTarget | undefined {
  const { queue, exchange } = targetOf(values);
  const keys = values.list('key');
  const hasCertificate = values.text('cert') !== undefined || Boolean(env['MQ_CERT']);
  if (exchange === undefined && keys.length > 0 && !hasCertificate)
    throw values.usage('--key requires --exchange', '--key is a file only with a client certificate (--cert)');
  const { vhost, own } = ownVhost(config);
  if (queue !== undefined) {
    const subscriptions = { [queue]: { vhost, queue, rest: {} } };
    const schemas = schemasOf(config, { vhost, queue });
    return { name: queue, config: withVhost({ ...config, subscriptions, schemas }, vhost, withQueue(own, queue)) };
  }
  if (exchange === undefined) return undefined;
  if (keys.length === 0)
    throw values.usage(
      '--exchange requires --key',
      "--key '#' receives everything of a topic exchange, --key '' everything of a fanout exchange",
    );
  const subscriptions = { [exchange]: { vhost, queue: ownQueue, rest: {} } };
  const schemas = { ...config.schemas, subscriptions: {} };
  const given = { ...config, subscriptions, schemas };
  return { name: exchange, config: withVhost(given, vhost, withOwnQueue(own, exchange, keys)) };
}

/** Returns the schemas for a subscription with the name of its queue: that of the file's subscriptions to the queue. */
function schemasOf(config: Config, { vhost, queue }: { vhost: string; queue: string }): Config['schemas'] {
  const { schemas, subscriptions, vhosts } = config;
  const prefix = namePrefix(vhosts[vhost]);
  const names = Object.keys(subscriptions).filter((name) => {
    const one = subscriptions[name];
    return one?.vhost === vhost && prefix + one.queue === queue;
  });
  const [first, ...others] = names.map((name) => schemas.subscriptions[name]);
  const isCommon = first !== undefined && others.every((one) => isDeepStrictEqual(one, first));
  return { ...schemas, subscriptions: isCommon ? { [queue]: first } : {} };
}

/** Start of the name of the queue for --exchange. Its name on the broker ends with a random part. */
const ownQueue = 'mq-subscribe';
/** The object must exist, and mq does not declare it. */
const checked = { assert: false, check: true };

function targetOf(values: Values): { queue: string | undefined; exchange: string | undefined } {
  const [queue, exchange] = [values.name('queue'), values.name('exchange')];
  if (queue !== undefined && exchange !== undefined) throw values.usage('--queue and --exchange exclude each other');
  return { queue, exchange };
}

/** Returns a vhost of the file without a namespace, because the names on the command line are those of the broker. */
function ownVhost(config: Config): { readonly vhost: string; readonly own: VhostConfig } {
  const vhost = vhostOf(config);
  const empty: VhostConfig = { connections: [], exchanges: {}, queues: {}, bindings: [], rest: {} };
  const { namespace: _, ...own } = config.vhosts[vhost] ?? empty;
  if (namePrefix(config.vhosts[vhost]) === '') return { vhost, own };
  return { vhost, own: { ...own, exchanges: {}, queues: {}, bindings: [] } };
}

function withVhost(config: Config, name: string, vhost: VhostConfig): Config {
  return { ...config, vhosts: { ...config.vhosts, [name]: vhost } };
}

function withQueue(vhost: VhostConfig, queue: string): VhostConfig {
  return { ...vhost, queues: { ...vhost.queues, [queue]: { ...vhost.queues[queue], ...checked } }, bindings: [] };
}

function withExchange(vhost: VhostConfig, exchange: string): VhostConfig {
  const exchanges = { ...vhost.exchanges, [exchange]: { ...vhost.exchanges[exchange], ...checked } };
  return { ...vhost, exchanges, bindings: [], otherBindings: vhost.bindings };
}

function withOwnQueue(vhost: VhostConfig, exchange: string, keys: readonly string[]): VhostConfig {
  const queue = { replyTo: true, options: { exclusive: true, durable: false, autoDelete: true } };
  const bindings = keys.map((bindingKey) => ({
    source: exchange,
    destination: ownQueue,
    destinationType: 'queue' as const,
    bindingKey,
  }));
  return { ...withExchange(vhost, exchange), queues: { ...vhost.queues, [ownQueue]: queue }, bindings };
}
