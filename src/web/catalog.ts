// Defines what the page knows of rascal.json: exchanges to watch, targets to send to, and the drawing of the topology.
// It contains no address with a password and no connection options.

import { type Config, namePrefix } from '../config/config.ts';
import { isSending } from '../config/role.ts';

export interface Catalog {
  readonly version: string;
  /** Address without user and password. */
  readonly broker: string;
  readonly vhost: string;
  /** STOMP connection of the page: `Web STOMP` or `AMQP bridge`. */
  readonly way: string;
  readonly exchanges: readonly ExchangeEntry[];
  /** Exchanges that the page offers to watch. It watches none until the user asks for it. */
  readonly streams: readonly Stream[];
  readonly tasks: readonly QueueEntry[];
  readonly requests: readonly QueueEntry[];
  readonly drawing: Drawing;
}

export interface ExchangeEntry {
  /** The broker's name. */
  readonly name: string;
  readonly type: string;
  /** Default routing key of the next message. */
  readonly key: string;
}

export interface Stream {
  readonly exchange: string;
  readonly key: string;
}

export interface QueueEntry {
  /** The broker's name. */
  readonly queue: string;
  readonly text: string;
  readonly persistent: boolean;
}

/** The topology with positions. The unit is one pixel. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
}

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
  readonly keys: readonly string[];
  /** Segments in the columns that the edge passes: from (x, y) straight to (x + width, y). */
  readonly via: readonly { readonly x: number; readonly y: number; readonly width: number }[];
  /** Displayed binding keys, centred at (x, y). */
  readonly label?: { readonly text: string; readonly x: number; readonly y: number };
}

export interface DrawnNode {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly brokerName?: string;
  readonly isOwn?: boolean;
  readonly isMade?: boolean;
  readonly type?: string;
  readonly roles?: readonly string[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Depths of the queues. */
export interface Depths {
  /** Source of the depths. `undefined` if they are unknown. */
  readonly from: 'management' | 'AMQP' | undefined;
  /** Address of the management API, if there is one. With `from: 'AMQP'` it has not answered. */
  readonly management?: string;
  /** `id` of each exchange and queue that does not exist on the broker. */
  readonly missing: readonly string[];
  /** Depths by the `id` of a node in the drawing. */
  readonly queues: Readonly<Record<string, QueueDepth>>;
}

export interface QueueDepth {
  readonly ready: number;
  /** Known only from the management API. */
  readonly unacked?: number;
  /**
   * Messages that are neither ready nor unacknowledged: dead letters that their target does not accept yet, and delayed
   * retries.
   */
  readonly held?: number;
  readonly consumers: number;
  /** Number of queues, if each consumer has its own queue. */
  readonly count?: number;
}

type Facts = Pick<Catalog, 'version' | 'broker' | 'vhost' | 'way' | 'drawing'>;

/** Severities of the tutorials, because a direct exchange has no key that matches everything. */
const severities = ['info', 'warning', 'error'];
const mostStreams = 24;

/** Returns the catalog of a vhost of rascal.json. `vhostKey` is its name there. */
export function catalogOf(config: Config, vhostKey: string, facts: Facts): Catalog {
  const vhost = config.vhosts[vhostKey];
  const prefix = namePrefix(vhost);
  const publications = Object.entries(config.publications).filter(([, one]) => one.vhost === vhostKey);
  const sendingRoles = Object.values(config.roles).filter(isSending);
  const rolesOf = (name: string) => sendingRoles.filter(({ publication }) => publication === name);
  const keyOf = (exchange: string) =>
    publications
      .filter(([, one]) => one.exchange === exchange)
      .flatMap(([name, { routingKey }]) => [routingKey, ...rolesOf(name).map((role) => role.routingKey)])
      .find((key) => key !== undefined) ?? '';
  const exchanges = Object.entries(vhost?.exchanges ?? {})
    .filter(([name]) => name !== '')
    .map(([name, { type = 'topic' }]) => ({
      name: prefix + name,
      type,
      key: type === 'fanout' ? '' : keyOf(name),
      plain: name,
    }));
  // RabbitMQ deletes an auto-delete exchange with its last binding, even if that was the page's.
  const isTransient = (name: string) => vhost?.exchanges[name]?.options?.['autoDelete'] === true;
  const boundTo = (exchange: string) =>
    (vhost?.bindings ?? []).flatMap(({ source, bindingKey }) =>
      source === exchange && bindingKey !== '#' && bindingKey !== '' ? [bindingKey] : [],
    );
  const streams = exchanges.flatMap(({ name: exchange, type, plain }): Stream[] => {
    if (isTransient(plain)) return [];
    if (type === 'topic') return [{ exchange, key: '#' }];
    if (type === 'fanout' || type === 'headers') return [{ exchange, key: '' }];
    if (type !== 'direct') return [];
    const keys = new Set([...(plain === 'direct_logs' ? severities : []), ...boundTo(plain), keyOf(plain)]);
    return [...keys].filter((key) => key !== '').map((key) => ({ exchange, key }));
  });
  const toQueues = publications.flatMap(([name, { queue }]) => {
    if (queue === undefined) return [];
    const roles = rolesOf(name);
    const role = roles.find(({ text }) => text !== undefined);
    const isRequest = roles.some(({ behaviour }) => behaviour === 'request');
    const entry = { queue: prefix + queue, text: role?.text ?? '', persistent: role?.persistent ?? true };
    return [{ isRequest, entry, isTask: roles.some(({ persistent }) => persistent === true) }];
  });
  // Work queues come first; hello is less important.
  const tasks = toQueues
    .filter(({ isRequest }) => !isRequest)
    .toSorted((one, other) => Number(other.isTask) - Number(one.isTask));
  return {
    ...facts,
    exchanges: exchanges.map(({ plain: _, ...exchange }) => exchange),
    streams: streams.slice(0, mostStreams),
    tasks: tasks.map(({ entry }) => entry),
    requests: toQueues.filter(({ isRequest }) => isRequest).map(({ entry }) => entry),
  };
}
