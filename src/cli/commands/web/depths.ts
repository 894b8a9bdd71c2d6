// Reads the depths of the queues of rascal.json from the management API if it answers, otherwise over AMQP.

import type { Management } from '../../../admin/client.ts';
import { keyColumns, withExactCounts, withoutStatistics, withStatistics } from '../../../admin/depths.ts';
import { type ApiObject, numberIn, objectIn, objectsIn, textIn } from '../../../admin/json.ts';
import { largestPage } from '../../../admin/list-action.ts';
import { apiPath, query } from '../../../admin/path.ts';
import type { Observer } from '../../../session/observer.ts';
import { time } from '../../../time.ts';
import type { Graph, GraphNode } from '../../../topology/graph.ts';
import type { Depths, QueueDepth } from '../../../web/catalog.ts';

interface Sources {
  readonly graph: Graph;
  /** The broker's name of the vhost. */
  readonly vhost: string;
  /** If `undefined`, depths are read over AMQP. */
  readonly management: Management | undefined;
  /** Reads depths over AMQP. */
  readonly observer: Observer;
}

/** Milliseconds for which all open pages receive the same answer. */
const freshMs = 900;
/** Milliseconds for which AMQP is used after the management API did not answer. */
const pauseMs = 60_000;
/** Milliseconds between two checks of a missing queue, because the broker logs a line for each check. */
const absentMs = 15_000;

/** Returns a function that reads the depths. It never rejects. */
export function depthsFrom(sources: Sources): () => Promise<Depths> {
  const reader = new DepthReader(sources);
  return () => reader.read();
}

class DepthReader {
  readonly #sources: Sources;
  readonly #queues: readonly GraphNode[];
  readonly #exchanges: readonly GraphNode[];
  /**
   * Checks whether an exchange exists. Answers are cached, because each check is a request and exchanges rarely change.
   */
  readonly #hasExchange: (name: string) => Promise<boolean | undefined>;
  #last: { readonly at: number; readonly depths: Promise<Depths> } | undefined;
  /** Time before which mq sends no request to the management API. */
  #notBefore = 0;
  /** Time before which a missing queue is not checked over AMQP, by the id of the queue. */
  readonly #absentUntil = new Map<string, number>();

  constructor(sources: Sources) {
    const { graph, observer } = sources;
    this.#sources = sources;
    this.#queues = graph.nodes.filter(({ kind }) => kind === 'queue');
    this.#exchanges = graph.nodes.filter(({ kind, brokerName = '' }) => kind === 'exchange' && brokerName !== '');
    this.#hasExchange = cached((name) => observer.hasExchange(name));
  }

  read(): Promise<Depths> {
    const now = time.now();
    if (this.#last === undefined || now - this.#last.at > freshMs) this.#last = { at: now, depths: this.#ask() };
    return this.#last.depths;
  }

  async #ask(): Promise<Depths> {
    const { management } = this.#sources;
    if (management === undefined) return this.#askAmqp();
    if (time.now() >= this.#notBefore) {
      try {
        return await this.#askManagement(management);
      } catch {
        this.#notBefore = time.now() + pauseMs;
      }
    }
    // The page shows the address of the management API, and that it does not answer.
    const depths = await this.#askAmqp();
    return depths.from === undefined ? depths : { ...depths, management: management.origin };
  }

  async #askManagement(api: Management): Promise<Depths> {
    const { vhost, observer } = this.#sources;
    const [found, queues] = await Promise.all([
      exchangeNames(api, vhost),
      depthsByManagement({ api, vhost, observer }, this.#queues),
    ]);
    const missing = this.#exchanges.filter(({ brokerName = '' }) => !found.has(brokerName));
    return {
      from: 'management',
      management: api.origin,
      queues,
      missing: [...missing, ...this.#missingIn(queues)].map(({ id }) => id),
    };
  }

  async #askAmqp(): Promise<Depths> {
    const queues = await this.#depthsByAmqp();
    if (queues === undefined) return { from: undefined, queues: {}, missing: [] };
    const known = await Promise.all(this.#exchanges.map(({ brokerName = '' }) => this.#hasExchange(brokerName)));
    const missing = this.#exchanges.filter((_, index) => known[index] === false);
    return { from: 'AMQP', queues, missing: [...missing, ...this.#missingIn(queues)].map(({ id }) => id) };
  }

  /** Returns the depths of the queues with known names, or `undefined` if the broker does not answer. */
  async #depthsByAmqp(): Promise<Record<string, QueueDepth> | undefined> {
    const now = time.now();
    const queues = this.#queues.filter(({ id, isOwn }) => !isOwn && now >= (this.#absentUntil.get(id) ?? 0));
    const names = queues.map(({ brokerName = '' }) => brokerName);
    const found = await this.#sources.observer.depths(names).catch(() => undefined);
    if (!found) return undefined;
    const depths = queues.flatMap(({ id, brokerName = '' }): [string, QueueDepth][] => {
      const depth = found.get(brokerName);
      if (!depth) this.#absentUntil.set(id, now + absentMs);
      return depth ? [[id, depth]] : [];
    });
    return Object.fromEntries(depths);
  }

  #missingIn(depths: Readonly<Record<string, QueueDepth>>): readonly GraphNode[] {
    return this.#queues.filter(({ id, isOwn }) => isOwn !== true && depths[id] === undefined);
  }
}

interface ManagementSource {
  readonly api: Management;
  readonly vhost: string;
  readonly observer: Observer;
}

/** Returns exact depths; see admin/depths.ts. */
async function depthsByManagement(
  { api, vhost, observer }: ManagementSource,
  queues: readonly GraphNode[],
): Promise<Record<string, QueueDepth>> {
  const [described, counted] = await Promise.all([
    listQueues({ api, vhost }, queues, { columns: 'vhost,name,consumers' }),
    listQueues({ api, vhost }, queues, { columns: keyColumns.join(','), ...withoutStatistics }),
  ]);
  const wanted = new Set(queues.filter(({ isOwn }) => !isOwn).map(({ brokerName = '' }) => brokerName));
  const depths = (_vhost: string, names: readonly string[]) => observer.depths(names).catch(() => new Map());
  const items = await withExactCounts(
    { depths },
    withStatistics(counted, described),
    counted.filter((item) => wanted.has(nameOf(item))),
  );
  return sums(queues, items);
}

async function listQueues(
  { api, vhost }: Pick<ManagementSource, 'api' | 'vhost'>,
  queues: readonly GraphNode[],
  parameters: Parameters<typeof query>[0],
): Promise<readonly ApiObject[]> {
  const names = queues.map(({ brokerName = '' }) => brokerName.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const name = `^(${names.join('|')})(:|$)`;
  const items: ApiObject[] = [];
  for (let [page, pages] = [1, 1]; page <= pages; page += 1) {
    const paging = { page, page_size: largestPage, use_regex: true, name };
    const answer = objectIn(await api.request('GET', apiPath`/queues/${vhost}` + query({ ...paging, ...parameters })));
    items.push(...objectsIn(answer['items']));
    pages = numberIn(answer['page_count'], 1);
  }
  return items;
}

function sums(queues: readonly GraphNode[], items: readonly ApiObject[]): Record<string, QueueDepth> {
  const depths = queues.flatMap(({ id, brokerName = '', isOwn }): [string, QueueDepth][] => {
    const mine = items.filter((item) =>
      isOwn ? nameOf(item).startsWith(`${brokerName}:`) : nameOf(item) === brokerName,
    );
    if (mine.length === 0) return isOwn ? [[id, { ready: 0, unacked: 0, consumers: 0, count: 0 }]] : [];
    const sum = (field: string) => mine.reduce((total, item) => total + numberIn(item[field]), 0);
    const ready = sum('messages_ready');
    const unacked = sum('messages_unacknowledged');
    const held = sum('messages') - ready - unacked;
    const depth = { ready, unacked, consumers: sum('consumers') };
    return [[id, { ...depth, ...(held > 0 && { held }), ...(isOwn && { count: mine.length }) }]];
  });
  return Object.fromEntries(depths);
}

async function exchangeNames(api: Management, vhost: string): Promise<Set<string>> {
  const path = apiPath`/exchanges/${vhost}` + query({ columns: 'name' });
  return new Set(objectsIn(await api.request('GET', path)).map(nameOf));
}

function nameOf({ name }: ApiObject): string {
  return textIn(name);
}

/** Returns a function that caches each answer for `absentMs`, and returns `undefined` if there is no answer. */
function cached(ask: (name: string) => Promise<boolean>): (name: string) => Promise<boolean | undefined> {
  const answers = new Map<string, { until: number; isThere: boolean }>();
  return async (name) => {
    const known = answers.get(name);
    if (known && time.now() < known.until) return known.isThere;
    const isThere = await ask(name).catch(() => undefined);
    if (isThere !== undefined) answers.set(name, { until: time.now() + absentMs, isThere });
    return isThere;
  };
}
