// Builds the graph of one vhost from rascal.json: publications, exchanges, queues and subscriptions, and the paths
// between them. It has no side effects; layout.ts adds positions.

import { type Config, deadLetterTarget, isPrivate, type QueueConfig, type VhostConfig } from '../config/config.ts';
import { retryOf } from '../config/retry.ts';
import { deadQueue, madeQueues } from '../config/retry-queues.ts';
import { subscriptionsOf } from '../config/role.ts';

export type NodeKind = 'publication' | 'exchange' | 'queue' | 'subscription';

export interface GraphNode {
  /** Unique id in the graph: `exchange logs`. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  /**
   * The broker's name of an exchange or queue. For a queue that each consumer has for itself, the prefix of its name.
   */
  readonly brokerName?: string;
  /** `true` if each consumer has its own queue, whose name is `brokerName` and a random part. */
  readonly isOwn?: boolean;
  /** `true` if mq declares the queue for dead letters and rascal.json does not define it. */
  readonly isMade?: boolean;
  /** Type of an exchange (`fanout`) or a queue (`quorum`). */
  readonly type?: string;
  /** Roles that use a publication or a subscription. */
  readonly roles?: readonly string[];
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: 'publish' | 'bind' | 'consume' | 'dead-letter' | 'alternate';
  /** Binding keys that affect the routing. */
  readonly keys: readonly string[];
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Returns the graph of a vhost. Nodes and edges have the order of the configuration. */
export function graphOf(config: Config, vhostName: string): Graph {
  const vhost = config.vhosts[vhostName];
  if (!vhost) return { nodes: [], edges: [] };
  const prefix = typeof vhost.namespace === 'string' ? `${vhost.namespace}:` : '';
  const publications = Object.entries(config.publications).filter(([, one]) => one.vhost === vhostName);
  const subscriptions = Object.entries(config.subscriptions).filter(([, one]) => one.vhost === vhostName);
  const rolesOf = (by: 'publication' | 'subscription', name: string) =>
    Object.entries(config.roles).flatMap(([role, row]) => {
      const used = by === 'publication' ? [row.publication] : subscriptionsOf(row);
      return used.includes(name) ? [role] : [];
    });

  const nodes: GraphNode[] = [
    ...publications.map(([name]) => ({ ...node('publication', name), roles: rolesOf('publication', name) })),
    ...Object.entries(vhost.exchanges).map(([name, { type = 'topic' }]) => ({
      ...node('exchange', name),
      brokerName: name === '' ? '' : prefix + name,
      type,
    })),
    ...Object.entries(vhost.queues).map(([name, queue]) => ({
      ...node('queue', name),
      brokerName: prefix + name + (typeof queue.replyTo === 'string' ? `:${queue.replyTo}` : ''),
      ...(queue.replyTo === true && { isOwn: true }),
      type: typeOf(queue),
    })),
    ...madeQueues(config)
      .filter(({ vhost: own, name, workQueue }) => own === vhostName && name === deadQueue(workQueue).name)
      .map(({ name }) => ({ ...node('queue', name), brokerName: prefix + name, type: 'quorum', isMade: true })),
    ...subscriptions.map(([name]) => ({ ...node('subscription', name), roles: rolesOf('subscription', name) })),
  ];
  const edges: GraphEdge[] = [
    ...publications.map(([name, { exchange, queue, routingKey }]) => ({
      from: id('publication', name),
      to: exchange === undefined ? id('queue', queue ?? '') : id('exchange', exchange),
      kind: 'publish' as const,
      keys: exchange !== undefined && routingKey !== undefined ? [routingKey] : [],
    })),
    ...bindings(vhost),
    ...Object.entries(vhost.exchanges).flatMap(([name, { options = {} }]) => {
      const inside = (options['arguments'] ?? {}) as Record<string, unknown>;
      const other = options['alternateExchange'] ?? inside['alternate-exchange'];
      if (typeof other !== 'string') return [];
      return [{ from: id('exchange', name), to: id('exchange', other), kind: 'alternate' as const, keys: [] }];
    }),
    ...Object.entries(vhost.queues).flatMap(([name, queue]) => deadLetters(name, queue)),
    ...subscriptions.map(([name, { queue }]) => ({
      from: id('queue', queue),
      to: id('subscription', name),
      kind: 'consume' as const,
      keys: [],
    })),
  ];
  const known = new Set(nodes.map((one) => one.id));
  const all = [...edges, ...failures(config, vhostName)].filter(({ from, to }) => known.has(from) && known.has(to));
  return { nodes, edges: [...new Map(all.map((edge) => [`${edge.kind} ${edge.from}\0${edge.to}`, edge])).values()] };
}

/** Returns the edges to the dead-letter targets of the roles. */
function failures(config: Config, vhostName: string): GraphEdge[] {
  return Object.entries(config.subscriptions).flatMap(([subscription, { vhost, queue }]): GraphEdge[] => {
    const work = config.vhosts[vhost]?.queues[queue];
    if (vhost !== vhostName || work === undefined || isPrivate(work)) return [];
    const users = Object.values(config.roles).filter((role) => subscriptionsOf(role).includes(subscription));
    return (users.length > 0 ? users : [{}]).flatMap((user): GraphEdge[] => {
      const { deadLetter } = retryOf(config, { ...user, subscription });
      if (deadLetter === false) return [];
      const place =
        deadLetter && 'publication' in deadLetter ? config.publications[deadLetter.publication] : deadLetter;
      const to =
        place === undefined
          ? id('queue', deadQueue(queue).name)
          : 'exchange' in place && place.exchange !== undefined
            ? id('exchange', place.exchange)
            : id('queue', place.queue ?? '');
      return [{ from: id('queue', queue), to, kind: 'dead-letter', keys: [] }];
    });
  });
}

function node(kind: NodeKind, name: string): GraphNode {
  return { id: id(kind, name), kind, name };
}

function id(kind: NodeKind, name: string): string {
  return `${kind} ${name}`;
}

/**
 * Returns one edge for each pair of nodes, with all its keys. Keys of a fanout exchange are omitted, because it ignores
 * them.
 */
function bindings(vhost: VhostConfig): GraphEdge[] {
  const pairs = new Map<string, { edge: GraphEdge; keys: string[] }>();
  for (const { source, destination, destinationType, bindingKey } of vhost.bindings) {
    const from = id('exchange', source);
    const to = id(destinationType, destination);
    const keys = pairs.get(`${from}\0${to}`)?.keys ?? [];
    if (vhost.exchanges[source]?.type !== 'fanout') keys.push(bindingKey);
    pairs.set(`${from}\0${to}`, { edge: { from, to, kind: 'bind', keys }, keys });
  }
  return [...pairs.values()].map(({ edge }) => edge);
}

function deadLetters(name: string, queue: QueueConfig): GraphEdge[] {
  const { exchange, key } = deadLetterTarget(queue);
  if (exchange === undefined) return [];
  const edge = { from: id('queue', name), kind: 'dead-letter' as const };
  if (exchange === '') return [{ ...edge, to: id('queue', key ?? name), keys: [] }];
  return [{ ...edge, to: id('exchange', exchange), keys: key === undefined ? [] : [key] }];
}

function typeOf({ options = {} }: QueueConfig): string {
  const inside = (options['arguments'] ?? {}) as Record<string, unknown>;
  const type = inside['x-queue-type'];
  return typeof type === 'string' ? type : 'classic';
}
