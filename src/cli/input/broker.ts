// Describes the broker of a vhost: its displayed address, the name of the vhost on the broker, and the login for each
// node.

import type { Config, ConnectionConfig } from '../../config/config.ts';
import { endpointOf, hostOf, portOf, standardPort } from '../../config/endpoint.ts';
import { defaultConnection } from '../../login/apply.ts';

export interface Broker {
  /** First address without user and password: `amqp://127.0.0.1:5672`. */
  readonly shown: string;
  /** Name of the vhost on the broker. */
  readonly vhost: string;
  readonly connections: readonly ConnectionConfig[];
  /** One node for each connection. */
  readonly nodes: readonly [BrokerNode, ...BrokerNode[]];
}

export interface BrokerNode {
  readonly isTls: boolean;
  /** `true` if AMQP uses its standard port. The other protocols then probably use their standard ports as well. */
  readonly isOnStandardPort: boolean;
  /** Host as in a URL: an IPv6 address is in brackets. */
  readonly host: string;
  /** Connection with the login for this node. */
  readonly connection: ConnectionConfig;
  readonly vhost: string;
}

/** Returns the broker. `vhost` is the name in rascal.json, which is used for an address without a path. */
export function brokerOf(config: Config, vhost: string, addresses: readonly ConnectionConfig[] | undefined): Broker {
  const [first = defaultConnection(config), ...others] = addresses ?? config.vhosts[vhost]?.connections ?? [];
  const node = nodeOf(first, vhost);
  return {
    shown: `${first.protocol ?? 'amqp'}://${endpointOf(first)}`,
    vhost: node.vhost,
    connections: [first, ...others],
    nodes: [node, ...others.map((other) => nodeOf(other, vhost))],
  };
}

function nodeOf(connection: ConnectionConfig, vhost: string): BrokerNode {
  const { protocol, vhost: own = vhost } = connection;
  const isOnStandardPort = portOf(connection) === standardPort(connection);
  return { isTls: protocol === 'amqps', isOnStandardPort, host: hostOf(connection), connection, vhost: own };
}
