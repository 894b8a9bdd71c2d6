// Builds the graph of one vhost in rascal.json: publications, exchanges, queues and subscriptions, and the paths of messages
// between them. layout.ts adds the positions.

import {
  alternateExchange,
  type Config,
  deadLetterTarget,
  isPrivate,
  namePrefix,
  type PublicationConfig,
  type QueueConfig,
  queueType,
  type SubscriptionConfig,
  type VhostConfig,
} from '../config/config.ts';
import { objectOf } from '../config/plain.ts';
import { deadQueue, madeQueues, retryOf } from '../config/retry-queues.ts';
import { type DeadLetterConfig, isReceiving, usesOf } from '../config/role.ts';
import { matchText } from './binding-key.ts';
import type { QueueCounts } from './topology.ts';

export type NodeKind = 'publication' | 'exchange' | 'queue' | 'subscription';

export interface GraphNode {
  /** Unique id in the graph: `exchange logs`. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  /**
   * The name of the exchange or queue on the broker. If each consumer has its own queue, this is the prefix of the names.
   */
  readonly brokerName?: string;
  /** `true` if each consumer has its own queue, whose name consists of `brokerName` and a random part. */
  readonly isOwn?: boolean;
  /** `true` if rascal.json does not define the queue, because mq declares it for dead letters. */
  readonly isMade?: boolean;
  /** Type of an exchange (`fanout`) or a queue (`quorum`). */
  readonly type?: string;
  /** Roles that use a publication or a subscription. */
  readonly roles?: readonly string[];
  /** Set after a comparison with a broker. */
  readonly state?: GraphState;
  /** Counts of a queue on the broker, or the sums of several queues. */
  readonly counts?: QueueCounts;
  /** Number of objects that the node represents, if it is not one. */
  readonly members?: number;
}

/** `missing`: only rascal.json defines it. `foreign`: only the broker has it. */
export type GraphState = 'missing' | 'foreign';

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: 'publish' | 'bind' | 'consume' | 'dead-letter' | 'alternate';
  /** Binding keys or routing keys, if they affect the routing. For a headers exchange, the arguments of its bindings. */
  readonly keys: readonly string[];
  /** `true` if a role of mq publishes the dead letters, and not the broker. */
  readonly isByRole?: boolean;
  readonly state?: GraphState;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Returns the graph of a vhost. Nodes and edges are in the order of the configuration. */
export function graphOf(config: Config, vhostName: string): Graph {
  const vhost = config.vhosts[vhostName];
  if (!vhost) return { nodes: [], edges: [] };
  const scope = {
    config,
    vhostName,
    vhost,
    publications: Object.entries(config.publications).filter(([, one]) => one.vhost === vhostName),
    subscriptions: Object.entries(config.subscriptions).filter(([, one]) => one.vhost === vhostName),
  };
  const nodes = nodesOf(scope);
  const ids = new Set(nodes.map((one) => one.id));
  const edges = edgesOf(scope).filter(({ from, to }) => ids.has(from) && ids.has(to));
  return { nodes, edges: [...new Map(edges.map((edge) => [`${edge.kind} ${edge.from}\0${edge.to}`, edge])).values()] };
}

/** One vhost of a configuration, with the publications and subscriptions that belong to it. */
interface Scope {
  readonly config: Config;
  readonly vhostName: string;
  readonly vhost: VhostConfig;
  readonly publications: readonly (readonly [string, PublicationConfig])[];
  readonly subscriptions: readonly (readonly [string, SubscriptionConfig])[];
}

function nodesOf({ config, vhostName, vhost, publications, subscriptions }: Scope): GraphNode[] {
  const prefix = namePrefix(vhost);
  const made = madeQueues(config).filter(
    ({ vhost: own, name, workQueue }) => own === vhostName && name === deadQueue(workQueue).name,
  );
  const rolesOf = (kind: 'publications' | 'subscriptions', name: string) =>
    Object.entries(config.roles).flatMap(([role, row]) => (usesOf(row)[kind].includes(name) ? [role] : []));
  return [
    ...publications.map(([name]) => ({ ...node('publication', name), roles: rolesOf('publications', name) })),
    ...Object.entries(vhost.exchanges).map(([name, { type = 'topic' }]) => ({
      ...node('exchange', name),
      brokerName: name === '' ? '' : prefix + name,
      type,
    })),
    ...Object.entries(vhost.queues).map(([name, queue]) => ({
      ...node('queue', name),
      brokerName: prefix + name + (typeof queue.replyTo === 'string' ? `:${queue.replyTo}` : ''),
      ...(queue.replyTo === true && { isOwn: true }),
      type: queueType(queue),
    })),
    ...made.map(({ name }) => ({ ...node('queue', name), brokerName: prefix + name, type: 'quorum', isMade: true })),
    ...subscriptions.map(([name]) => ({ ...node('subscription', name), roles: rolesOf('subscriptions', name) })),
  ];
}

/** Returns all edges, including edges from or to an exchange or queue that the vhost does not define. */
function edgesOf({ config, vhostName, vhost, publications, subscriptions }: Scope): GraphEdge[] {
  return [
    ...publications.map(([name, { exchange, queue, routingKey }]): GraphEdge => {
      const from = id('publication', name);
      if (exchange === undefined) return { from, to: id('queue', queue ?? ''), kind: 'publish', keys: [] };
      return {
        from,
        to: id('exchange', exchange),
        kind: 'publish',
        keys: routingKey === undefined ? [] : [routingKey],
      };
    }),
    ...bindings(vhost),
    ...Object.entries(vhost.exchanges).flatMap(([name, exchange]): GraphEdge[] => {
      const other = alternateExchange(exchange);
      if (other === undefined) return [];
      return [{ from: id('exchange', name), to: exchangeId(vhost, other), kind: 'alternate', keys: [] }];
    }),
    ...Object.entries(vhost.queues).flatMap(([name, queue]) => deadLetters(vhost, name, queue)),
    ...subscriptions.map(([name, { queue }]): GraphEdge => {
      return { from: id('queue', queue), to: id('subscription', name), kind: 'consume', keys: [] };
    }),
    ...failedMessages(config, vhostName),
  ];
}

/**
 * Returns one edge for each pair of bound nodes, with the keys of all its bindings, or with their arguments for a headers
 * exchange. Omits the keys of a fanout exchange, because the exchange ignores them.
 */
function bindings(vhost: VhostConfig): GraphEdge[] {
  const pairs = new Map<string, { edge: GraphEdge; keys: string[] }>();
  for (const { source, destination, destinationType, bindingKey, options } of vhost.bindings) {
    const from = id('exchange', source);
    const to = id(destinationType, destination);
    const keys = pairs.get(`${from}\0${to}`)?.keys ?? [];
    const { type } = vhost.exchanges[source] ?? {};
    const match = matchText({ type, key: bindingKey, arguments: objectOf(options) });
    if (match !== undefined) keys.push(match);
    pairs.set(`${from}\0${to}`, { edge: { from, to, kind: 'bind', keys }, keys });
  }
  return [...pairs.values()].map(({ edge }) => edge);
}

/** Returns the edge to the dead-letter exchange that the arguments of a queue name. */
function deadLetters(vhost: VhostConfig, name: string, queue: QueueConfig): GraphEdge[] {
  const { exchange, key } = deadLetterTarget(queue);
  if (exchange === undefined) return [];
  const edge = { from: id('queue', name), kind: 'dead-letter' as const };
  if (exchange === '') return [{ ...edge, to: queueId(vhost, key ?? name), keys: [] }];
  return [{ ...edge, to: exchangeId(vhost, exchange), keys: key === undefined ? [] : [key] }];
}

/** Returns the id of an exchange that is named in rascal.json or, like all options of amqplib, on the broker. */
function exchangeId(vhost: VhostConfig, name: string): string {
  return id('exchange', vhost.exchanges[name] === undefined ? withoutPrefix(vhost, name) : name);
}

function queueId(vhost: VhostConfig, name: string): string {
  return id('queue', vhost.queues[name] === undefined ? withoutPrefix(vhost, name) : name);
}

function withoutPrefix(vhost: VhostConfig, name: string): string {
  const prefix = namePrefix(vhost);
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** Returns the edges for messages that mq dead-letters after its retries, for each role that receives them. */
function failedMessages(config: Config, vhostName: string): GraphEdge[] {
  return Object.entries(config.subscriptions).flatMap(([subscription, { vhost, queue }]): GraphEdge[] => {
    const work = config.vhosts[vhost]?.queues[queue];
    if (vhost !== vhostName || work === undefined || isPrivate(work)) return [];
    const receiving = Object.values(config.roles).filter(isReceiving);
    const users = receiving.filter(({ subscriptions }) => subscriptions.includes(subscription));
    return (users.length > 0 ? users : [undefined]).flatMap((user): GraphEdge[] => {
      const { deadLetter } = retryOf(config, subscription, user?.retry);
      if (deadLetter === false) return [];
      return [
        {
          from: id('queue', queue),
          to: targetOf(config, queue, deadLetter),
          kind: 'dead-letter',
          keys: [],
          isByRole: true,
        },
      ];
    });
  });
}

/** Returns the id of the node to which mq sends the dead letters of a queue. */
function targetOf(config: Config, queue: string, deadLetter: DeadLetterConfig | undefined): string {
  if (deadLetter === undefined) return id('queue', deadQueue(queue).name);
  if ('queue' in deadLetter) return id('queue', deadLetter.queue);
  const publication = config.publications[deadLetter.publication];
  if (publication === undefined) return id('queue', deadQueue(queue).name);
  return publication.exchange === undefined
    ? id('queue', publication.queue ?? '')
    : id('exchange', publication.exchange);
}

function node(kind: NodeKind, name: string): GraphNode {
  return { id: id(kind, name), kind, name };
}

function id(kind: NodeKind, name: string): string {
  return `${kind} ${name}`;
}
