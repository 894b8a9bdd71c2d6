// Chooses the route of the page's STOMP connection: RabbitMQ's Web STOMP plugin if it answers, otherwise the bridge to
// AMQP.

import { MqError, tlsReason } from '../../../errors.ts';
import { credentialsOf } from '../../../login/credentials.ts';
import type { StompAddress } from '../../../web/plugin-proxy.ts';
import type { Values } from '../../arguments/values.ts';
import type { Broker, BrokerNode } from '../../input/broker.ts';

export interface StompRoute {
  /** Displayed name. */
  readonly name: 'Web STOMP' | 'AMQP bridge';
  /** Addresses of the plugin. Empty for the bridge. */
  readonly plugins: readonly StompAddress[];
}

const bridge: StompRoute = { name: 'AMQP bridge', plugins: [] };

/**
 * Parses `--stomp`: `auto`, `bridge` or addresses. Throws USAGE. Returns a function that chooses the route; it throws
 * UNAVAILABLE if no named plugin answers.
 */
export function planStompRoute(
  { nodes }: Broker,
  values: Values,
  { say }: { say: (text: string) => void },
): () => Promise<StompRoute> {
  const typed = values.name('stomp') ?? 'auto';
  if (typed === 'bridge') return async () => bridge;
  const isAuto = typed === 'auto';
  const urls = isAuto
    ? nodes.filter(hasStandardPlugin).map(pluginOf)
    : typed.split(',').map((text) => checkedUrl(text, values));
  const plugins = urls.map((url, index): StompAddress => {
    const { connection, vhost } = nodes[index] ?? nodes[0];
    const { tlsFiles: files = {}, insecure: isInsecure = false } = connection;
    return { url, vhost, credentials: credentialsOf(connection), tls: { files, isInsecure } };
  });
  return () => findRoute(plugins, isAuto, say);
}

function checkedUrl(text: string, values: Values): string {
  const url = text.trim();
  const parsed = URL.parse(url);
  if (!parsed || !/^wss?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.hash !== '')
    throw values.usage('--stomp must be auto, bridge, or addresses without a user: ws://host:15674/ws');
  return url;
}

async function findRoute(
  plugins: readonly StompAddress[],
  isAuto: boolean,
  say: (text: string) => void,
): Promise<StompRoute> {
  const { fitsConnect, tryStomp } = await import('../../../web/plugin-proxy.ts');
  const failures: string[] = [];
  for (const plugin of plugins.filter(fitsConnect)) {
    try {
      await tryStomp(plugin);
      return { name: 'Web STOMP', plugins };
    } catch (error) {
      failures.push(`${plugin.url}: ${error instanceof Error ? tlsReason(error.message) || 'no answer' : error}`);
    }
  }
  if (isAuto) {
    // Most brokers do not have the plugin, so a port without a listener is not reported.
    for (const failure of failures.filter((one) => !/ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH/.test(one))) say(failure);
    return bridge;
  }
  throw new MqError('UNAVAILABLE', `no Web STOMP plugin answers: ${failures.join('; ')}`, {
    at: '--stomp',
    hint: failures.some((one) => /certificate/i.test(one))
      ? '--ca FILE trusts a private certificate authority, and --cert FILE --key FILE name a client certificate'
      : 'rabbitmq-plugins enable rabbitmq_web_stomp, or --stomp bridge',
  });
}

/**
 * Returns `true` if the plugin probably listens on its standard port. If AMQP uses another port than its standard one,
 * port 15674 may belong to another broker.
 */
function hasStandardPlugin({ isTls, isOnStandardPort }: BrokerNode): boolean {
  return !isTls && isOnStandardPort;
}

// https://www.rabbitmq.com/docs/web-stomp
function pluginOf({ host }: BrokerNode): string {
  return `ws://${host}:15674/ws`;
}
