// The catalog: the part of rascal.json that the page receives. It contains exchanges to watch, targets to send to, and
// the drawing of the topology. It contains no address with a password and no connection options.

import { type BindingConfig, type Config, namePrefix, type PublicationConfig } from '../config/config.ts';
import { isSending, type SendingRole } from '../config/role.ts';

export interface Catalog {
  readonly version: string;
  /** Address without user and password. */
  readonly broker: string;
  readonly vhost: string;
  /** Route of the page's STOMP connection: `Web STOMP` or `AMQP bridge`. */
  readonly route: string;
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
  /** The line in SVG's path syntax. */
  readonly path: string;
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

type Facts = Pick<Catalog, 'version' | 'broker' | 'vhost' | 'route' | 'drawing'>;

/** Keys that the page offers for direct_logs, because a direct exchange has no key that matches every message. */
const severities = ['info', 'warning', 'error'];
const mostStreams = 24;

/** Returns the catalog of a vhost of rascal.json. `vhostKey` is its name there. */
export function catalogOf(config: Config, vhostKey: string, facts: Facts): Catalog {
  const vhost = config.vhosts[vhostKey];
  const sendingRoles = Object.values(config.roles).filter(isSending);
  const publications = Object.entries(config.publications)
    .filter(([, publication]) => publication.vhost === vhostKey)
    .map(([name, publication]): Publication => {
      return { ...publication, roles: sendingRoles.filter((role) => role.publication === name) };
    });
  const prefix = namePrefix(vhost);
  const exchanges = Object.entries(vhost?.exchanges ?? {})
    .filter(([name]) => name !== '')
    .map(([plainName, { type = 'topic', options }]): Exchange => {
      const key = type === 'fanout' ? '' : keyOf(plainName, publications);
      return { name: prefix + plainName, type, key, plainName, isAutoDelete: options?.['autoDelete'] === true };
    });
  const streams = exchanges.flatMap((exchange) => streamsOf(exchange, vhost?.bindings ?? []));
  const targets = publications.flatMap((publication) => targetOf(publication, prefix));
  // Queues with a role that sends persistent messages are work queues, and come first.
  const tasks = targets
    .filter(({ isRequest }) => !isRequest)
    .toSorted((one, other) => Number(other.isTask) - Number(one.isTask));
  return {
    ...facts,
    exchanges: exchanges.map(({ name, type, key }) => ({ name, type, key })),
    streams: streams.slice(0, mostStreams),
    tasks: tasks.map(({ entry }) => entry),
    requests: targets.filter(({ isRequest }) => isRequest).map(({ entry }) => entry),
  };
}

interface Publication extends PublicationConfig {
  /** Roles that use the publication. */
  readonly roles: readonly SendingRole[];
}

interface Exchange extends ExchangeEntry {
  /** Name in rascal.json, without the namespace of the vhost. */
  readonly plainName: string;
  readonly isAutoDelete: boolean;
}

/** Returns the first routing key that a publication to the exchange, or one of its roles, defines. */
function keyOf(exchange: string, publications: readonly Publication[]): string {
  const keys = publications
    .filter((publication) => publication.exchange === exchange)
    .flatMap(({ routingKey, roles }) => [routingKey, ...roles.map((role) => role.routingKey)]);
  return keys.find((key) => key !== undefined) ?? '';
}

function streamsOf(
  { name: exchange, type, key, plainName, isAutoDelete }: Exchange,
  bindings: readonly BindingConfig[],
): Stream[] {
  // RabbitMQ deletes an auto-delete exchange with its last binding, even if that was the page's, so the page offers
  // none.
  if (isAutoDelete) return [];
  if (type === 'topic') return [{ exchange, key: '#' }];
  if (type === 'fanout' || type === 'headers') return [{ exchange, key: '' }];
  if (type !== 'direct') return [];
  const bound = bindings.filter(({ source }) => source === plainName).map(({ bindingKey }) => bindingKey);
  const keys = new Set([
    ...(plainName === 'direct_logs' ? severities : []),
    ...bound.filter((one) => one !== '#'),
    key,
  ]);
  return [...keys].filter((one) => one !== '').map((one) => ({ exchange, key: one }));
}

/** Returns the queue of a publication that publishes to a queue. */
function targetOf({ queue, roles }: Publication, prefix: string) {
  if (queue === undefined) return [];
  const role = roles.find(({ text }) => text !== undefined);
  const entry = { queue: prefix + queue, text: role?.text ?? '', persistent: role?.persistent ?? true };
  const isRequest = roles.some(({ behaviour }) => behaviour === 'request');
  return [{ isRequest, entry, isTask: roles.some(({ persistent }) => persistent === true) }];
}
