// Finds the broker of mq web and the STOMP connection for the page: RabbitMQ's Web STOMP plugin if it answers,
// otherwise the bridge to AMQP.

import type { Config, ConnectionConfig } from '../config/config.ts';
import { endpointOf, hostOf, portOf, standardPort } from '../config/endpoint.ts';
import { MqError } from '../errors.ts';
import type { StompAddress } from '../web/passage.ts';
import type { Values } from './arguments/values.ts';

/** Broker of the page. Its first address represents it in displayed text. */
export interface WebBroker {
  /** Displayed address without user and password: `amqp://127.0.0.1:5672`. */
  readonly shown: string;
  /** The broker's name of the vhost. */
  readonly vhost: string;
  readonly connections: readonly ConnectionConfig[];
  readonly nodes: readonly BrokerNode[];
}

export interface BrokerNode {
  readonly isTls: boolean;
  /** `true` if its AMQP port is the standard one, so that its other ports probably are as well. */
  readonly isOnStandardPort: boolean;
  /** Host in the form for a URL. */
  readonly host: string;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
}

/** Returns the broker. `vhost` is the name in rascal.json, which is used for an address without a path. */
export function brokerOf(config: Config, vhost: string, addresses: readonly ConnectionConfig[] | undefined): WebBroker {
  const given = addresses ?? config.vhosts[vhost]?.connections ?? [];
  const connections = given.length === 0 ? [{}] : given;
  const nodes = connections.map((connection): BrokerNode => {
    const { protocol, user = 'guest', password = 'guest', vhost: own = vhost } = connection;
    const isOnStandardPort = portOf(connection) === standardPort(connection);
    return { isTls: protocol === 'amqps', isOnStandardPort, host: hostOf(connection), user, password, vhost: own };
  });
  const [first = {}] = connections;
  const [node] = nodes as [BrokerNode];
  return { shown: `${first.protocol ?? 'amqp'}://${endpointOf(first)}`, vhost: node.vhost, connections, nodes };
}

export interface Way {
  /** Displayed name. */
  readonly name: 'Web STOMP' | 'AMQP bridge';
  /** Addresses of the plugin. Empty for the bridge. */
  readonly plugins: readonly StompAddress[];
}

const bridge: Way = { name: 'AMQP bridge', plugins: [] };

/**
 * Parses `--stomp`: `bridge`, addresses, or automatic. Throws USAGE. The returned function throws UNAVAILABLE if a
 * named plugin does not answer.
 */
export function planWay(
  broker: WebBroker,
  values: Values,
  { tls, say }: { tls: StompAddress['tls']; say: (text: string) => void },
): () => Promise<Way> {
  const given = values.name('stomp') ?? 'auto';
  if (given === 'bridge') return async () => bridge;
  const isAuto = given === 'auto';
  const urls = isAuto ? broker.nodes.filter(isBesidePlugin).map(pluginOf) : given.split(',').map(checked);
  const plugins = urls.map((url, index): StompAddress => {
    const { user: login, password: passcode, vhost } = broker.nodes[index] ?? (broker.nodes[0] as BrokerNode);
    return { url, login, passcode, vhost, tls };
  });
  return () => find(plugins, isAuto, say);

  function checked(text: string): string {
    const url = text.trim();
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (!parsed || !/^wss?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.hash !== '')
      throw values.usage('--stomp must be auto, bridge, or addresses without a user: ws://host:15674/ws');
    return url;
  }
}

async function find(plugins: readonly StompAddress[], isAuto: boolean, say: (text: string) => void): Promise<Way> {
  const { fitsConnect, tryStomp } = await import('../web/passage.ts');
  const failures: string[] = [];
  for (const plugin of plugins.filter(fitsConnect)) {
    try {
      await tryStomp(plugin);
      return { name: 'Web STOMP', plugins };
    } catch (error) {
      failures.push(`${plugin.url}: ${error instanceof Error ? error.message || 'no answer' : error}`);
    }
  }
  if (isAuto) {
    // Most brokers do not have the plugin, so only other failures are reported.
    for (const failure of failures.filter((one) => !/ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH/.test(one))) say(failure);
    return bridge;
  }
  throw new MqError('UNAVAILABLE', `no Web STOMP plugin answers: ${failures.join('; ')}`, {
    at: '--stomp',
    hint: failures.some((one) => /certificate/i.test(one))
      ? '--ca FILE trusts an authority of your own'
      : 'rabbitmq-plugins enable rabbitmq_web_stomp, or --stomp bridge',
  });
}

/**
 * Reports whether the plugin may be on the standard port. Next to a non-standard AMQP port, port 15674 may belong to
 * another broker.
 */
function isBesidePlugin({ isTls, isOnStandardPort }: BrokerNode): boolean {
  return !isTls && isOnStandardPort;
}

// https://www.rabbitmq.com/docs/web-stomp
function pluginOf({ host }: BrokerNode): string {
  return `ws://${host}:15674/ws`;
}
