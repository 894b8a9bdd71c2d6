// Reads the depths of the queues of rascal.json from the management API if it answers, otherwise over AMQP.

import type { Item } from '../../../admin/action.ts';
import type { Management } from '../../../admin/client.ts';
import { keyColumns, withExactCounts, withoutStatistics, withStatistics } from '../../../admin/depths.ts';
import { largestPage } from '../../../admin/listing.ts';
import { apiPath, query } from '../../../admin/path.ts';
import type { Observer } from '../../../session/observer.ts';
import type { Graph, GraphNode } from '../../../topology/graph.ts';
import type { Depths, QueueDepth } from '../../../web/catalog.ts';
import type { WebBroker } from '../../web-broker.ts';

interface Sources {
  readonly graph: Graph;
  readonly broker: WebBroker;
  /** If `undefined`, depths are read over AMQP. */
  readonly management: Management | undefined;
  /** Reads depths over AMQP. */
  readonly observer: Observer;
}

/** Milliseconds for which an answer is shared by several pages. */
const freshMs = 900;
/** Milliseconds for which AMQP is used after the management API did not answer. */
const pauseMs = 60_000;
/** Milliseconds between two checks of a missing queue, because the broker logs a line for each check. */
const absentMs = 15_000;

export function depthsFrom({ graph, broker, management, observer }: Sources): () => Promise<Depths> {
  const queues = graph.nodes.filter(({ kind }) => kind === 'queue');
  const exchanges = graph.nodes.filter(({ kind, brokerName = '' }) => kind === 'exchange' && brokerName !== '');
  let last: { at: number; depths: Promise<Depths> } | undefined;
  let notBefore = 0;
  const absent = new Map<string, number>();
  // Exchanges rarely change, and each needs a request of its own.
  const hasExchange = remembered((name) => observer.hasExchange(name));
  const ask = async (): Promise<Depths> => {
    if (management !== undefined && performance.now() >= notBefore) {
      try {
        const [found, depths] = await Promise.all([
          exchangesByManagement(management, broker.vhost),
          byManagement({ api: management, vhost: broker.vhost, observer }, queues),
        ]);
        const missing = [...exchanges.filter(({ brokerName = '' }) => !found.has(brokerName)), ...missingIn(depths)];
        return { from: 'management', management: management.origin, queues: depths, missing: missing.map(idOf) };
      } catch {
        notBefore = performance.now() + pauseMs;
      }
    }
    const depths = await byAmqp(observer, queues, absent);
    if (depths === undefined) return { from: undefined, queues: {}, missing: [] };
    const known = await Promise.all(exchanges.map(({ brokerName = '' }) => hasExchange(brokerName)));
    const missing = [...exchanges.filter((_, index) => known[index] === false), ...missingIn(depths)];
    // The page then shows that this API does not answer.
    const named = management === undefined ? {} : { management: management.origin };
    return { from: 'AMQP', ...named, queues: depths, missing: missing.map(idOf) };
  };
  const missingIn = (depths: Readonly<Record<string, QueueDepth>>) =>
    queues.filter(({ id, isOwn }) => isOwn !== true && depths[id] === undefined);
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > freshMs) last = { at: now, depths: ask() };
    return last.depths;
  };
}

interface Page {
  readonly items: readonly Listed[];
  readonly page_count?: number;
}

interface Listed extends Item {
  readonly name: string;
  readonly type?: string;
  readonly state?: string;
  readonly messages?: number;
  readonly messages_ready?: number;
  readonly messages_unacknowledged?: number;
  readonly consumers?: number;
}

interface Asked {
  readonly api: Management;
  readonly vhost: string;
  readonly observer: Observer;
}

/** Returns exact depths; see admin/depths.ts. */
async function byManagement(
  { api, vhost, observer }: Asked,
  queues: readonly GraphNode[],
): Promise<Record<string, QueueDepth>> {
  const [told, counted] = await Promise.all([
    listed({ api, vhost }, queues, { columns: 'vhost,name,consumers' }),
    listed({ api, vhost }, queues, { columns: keyColumns.join(','), ...withoutStatistics }),
  ]);
  const wanted = new Set(queues.filter(({ isOwn }) => !isOwn).map(({ brokerName = '' }) => brokerName));
  const depths = (_vhost: string, names: readonly string[]) => observer.depths(names).catch(() => new Map());
  const items = await withExactCounts(
    { depths },
    withStatistics(counted, told),
    counted.filter(({ name }) => wanted.has(name)),
  );
  return sums(queues, items as readonly Listed[]);
}

async function listed(
  { api, vhost }: Pick<Asked, 'api' | 'vhost'>,
  queues: readonly GraphNode[],
  what: Parameters<typeof query>[0],
): Promise<readonly Listed[]> {
  const names = queues.map(({ brokerName = '' }) => brokerName.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const name = `^(${names.join('|')})(:|$)`;
  const items: Listed[] = [];
  for (let [page, pages] = [1, 1]; page <= pages; page += 1) {
    const paging = { page, page_size: largestPage, use_regex: true, name };
    const path = apiPath`/queues/${vhost}` + query({ ...paging, ...what });
    const found = (await api.request('GET', path)) as Page;
    items.push(...found.items);
    pages = found.page_count ?? 1;
  }
  return items;
}

function sums(queues: readonly GraphNode[], items: readonly Listed[]): Record<string, QueueDepth> {
  const depths = queues.flatMap(({ id, brokerName = '', isOwn }): [string, QueueDepth][] => {
    const mine = items.filter(({ name }) => (isOwn ? name.startsWith(`${brokerName}:`) : name === brokerName));
    if (mine.length === 0) return isOwn ? [[id, { ready: 0, unacked: 0, consumers: 0, count: 0 }]] : [];
    const sum = (of: (one: Listed) => number | undefined) => mine.reduce((total, one) => total + (of(one) ?? 0), 0);
    const depth = {
      ready: sum((one) => one.messages_ready),
      unacked: sum((one) => one.messages_unacknowledged),
      consumers: sum((one) => one.consumers),
    };
    const held = sum(({ messages }) => messages) - depth.ready - depth.unacked;
    return [[id, { ...depth, ...(held > 0 && { held }), ...(isOwn && { count: mine.length }) }]];
  });
  return Object.fromEntries(depths);
}

async function exchangesByManagement(api: Management, vhost: string): Promise<Set<string>> {
  const listed = await api.request('GET', apiPath`/exchanges/${vhost}` + query({ columns: 'name' }));
  return new Set((listed as readonly Listed[]).map(({ name }) => name));
}

/** Returns the depths of the queues with known names, or `undefined` if the broker does not answer. */
async function byAmqp(
  observer: Observer,
  queues: readonly GraphNode[],
  absent: Map<string, number>,
): Promise<Record<string, QueueDepth> | undefined> {
  const now = performance.now();
  const asked = queues.filter(({ id, isOwn }) => !isOwn && now >= (absent.get(id) ?? 0));
  const found = await observer.depths(asked.map(({ brokerName = '' }) => brokerName)).catch(() => undefined);
  if (!found) return undefined;
  const depths = asked.flatMap(({ id, brokerName = '' }): [string, QueueDepth][] => {
    const depth = found.get(brokerName);
    if (!depth) absent.set(id, now + absentMs);
    return depth ? [[id, depth]] : [];
  });
  return Object.fromEntries(depths);
}

/** Caches an answer for `absentMs`. Returns `undefined` if there is no answer. */
function remembered(ask: (name: string) => Promise<boolean>): (name: string) => Promise<boolean | undefined> {
  const answers = new Map<string, { until: number; isThere: boolean }>();
  return async (name) => {
    const known = answers.get(name);
    if (known && performance.now() < known.until) return known.isThere;
    const isThere = await ask(name).catch(() => undefined);
    if (isThere !== undefined) answers.set(name, { until: performance.now() + absentMs, isThere });
    return isThere;
  };
}

function idOf({ id }: GraphNode): string {
  return id;
}
