// Builds list actions: all objects of a kind or a part of them, sorted. It uses the API's paging if available.

import type { Action, Call, Result } from './action.ts';
import { columnsOf } from './columns.ts';
import {
  countColumns,
  keyColumns,
  keyOf,
  withCounts,
  withExactCounts,
  withoutStatistics,
  withStatistics,
} from './depths.ts';
import type { ApiObject } from './json.ts';
import { apiPath, encoded, query } from './path.ts';
import { asked } from './request.ts';
import { without } from './show-action.ts';

export interface ListRow {
  readonly noun: string;
  readonly summary: string;
  /** Path after /api. */
  readonly path: string;
  /** Path for one vhost (`:vhost`). Without it, the items are filtered by vhost. */
  readonly vhostPath?: string;
  readonly columns: readonly string[];
  /** `true` if the broker pages, sorts and filters this list. RabbitMQ 4: queues, exchanges, connections, channels. */
  readonly isPaged?: true;
  /** `true` if the items have no vhost. */
  readonly isGlobal?: true;
  /** Fields that are shown only if --columns names them. */
  readonly hidden?: readonly string[];
  /** `true` if the items are queues, whose messages are counted exactly. */
  readonly isCounted?: true;
}

/** Maximum page size of RabbitMQ. */
export const largestPage = 500;

export function listAction({
  noun,
  summary,
  path,
  vhostPath,
  columns,
  isPaged,
  isGlobal,
  hidden = [],
  isCounted,
}: ListRow): Action {
  return {
    verb: 'list',
    noun,
    summary,
    columns,
    options: ['columns', 'sort', 'filter', 'limit', 'page', 'headers'],
    isInVhost: isGlobal !== true,
    request: `GET ${path as `/${string}`}`,
    run: async (call) => {
      const { vhost } = call;
      const isOfVhost = vhost !== undefined && vhostPath !== undefined;
      const where = isOfVhost ? vhostPath.replace(':vhost', () => encoded(vhost)) : path;
      const shown = columnsOf(call) ?? columns;
      const wanted = wantedOf(call, shown);
      // RabbitMQ 4.3.6 returns lists below /vhosts/:vhost as a whole and ignores paging.
      const isByBroker = isPaged === true && !where.startsWith('/vhosts/');
      const items = isCounted
        ? await queuesNow(call, where, wanted)
        : isByBroker
          ? await pages(call, where, wanted)
          : await whole(call, where, wanted);
      await refuseUnsortable(call, where, { wanted, items, own: columns, isPaged: isByBroker });
      const own =
        vhost === undefined || isOfVhost || isGlobal ? items : items.filter((item) => item['vhost'] === vhost);
      noteAbsent(call, shown, own);
      const found = isByBroker ? own : cut(own, wanted);
      const bare = wanted.columns === undefined && hidden.length > 0;
      return { kind: 'items', columns: shown, items: bare ? found.map((item) => without(item, hidden)) : found };
    },
  };
}

/** Returns a list of items that an action has built itself. */
export function ownList(call: Call, columns: readonly string[], items: readonly ApiObject[]): Result {
  const shown = columnsOf(call) ?? columns;
  noteAbsent(call, shown, items);
  return { kind: 'items', columns: shown, items: cut(items, wantedOf(call, shown)) };
}

interface Wanted {
  /** Columns of --columns or of the row. `undefined` means all (--json without --columns). */
  readonly columns: readonly string[] | undefined;
  readonly sort: string | undefined;
  readonly isReversed: boolean;
  readonly filter: string | undefined;
  readonly limit: number | undefined;
  readonly page: number;
}

/** Reads the options of a list. `--sort -messages` sorts in descending order. */
function wantedOf(call: Call, columns: readonly string[]): Wanted {
  const sort = call.text('sort');
  const page = call.whole('page', { min: 1 });
  const limit = call.whole('limit', { min: 1 }) ?? (page === undefined ? undefined : 100);
  if (page !== undefined && limit !== undefined && limit > largestPage)
    throw call.usage(`with --page, --limit is at most ${largestPage}, not ${limit}`);
  const isReversed = sort?.startsWith('-') === true;
  return {
    columns: call.flag('json') && call.text('columns') === undefined ? undefined : columns,
    sort: isReversed ? sort?.slice(1) : sort,
    isReversed,
    filter: call.text('filter'),
    limit,
    page: page ?? 1,
  };
}

/** Returns the pages with exact counts. RabbitMQ sorts each answer by the counts in it. */
async function queuesNow(call: Call, path: string, wanted: Wanted): Promise<readonly ApiObject[]> {
  const { columns, sort = '' } = wanted;
  const isAsked = columns === undefined || [...countColumns, 'consumers'].some((name) => columns.includes(name));
  if (!isAsked) return pages(call, path, wanted);
  const isByCount = countColumns.some((name) => name === sort);
  const [told, counted] = await Promise.all([
    pages(call, path, { ...wanted, columns: columns && [...new Set([...columns, 'vhost', 'name'])] }),
    pages(call, path, { ...wanted, columns: keyColumns }, withoutStatistics),
  ]);
  const items = isByCount
    ? withStatistics(counted, [...told, ...(await lacking(call, { told, counted, columns }))])
    : withCounts(told, counted);
  const now = await withExactCounts(call, items, counted);
  return isByCount ? cut(now, { ...wanted, filter: undefined, limit: undefined }) : now;
}

/**
 * Returns the statistics of counted queues that are missing in the page of statistics, because its order is seconds
 * old.
 */
async function lacking(
  call: Call,
  { told, counted, columns }: { told: readonly ApiObject[]; counted: readonly ApiObject[]; columns: Wanted['columns'] },
): Promise<readonly ApiObject[]> {
  const keys = new Set(told.map(keyOf));
  const found = counted
    .filter((item) => !keys.has(keyOf(item)))
    .map(async ({ vhost, name }) => {
      const shown = columns && [...columns, 'vhost', 'name'].join(',');
      const path = apiPath`/queues/${String(vhost)}/${String(name)}` + query({ columns: shown });
      const { status, body } = await call.api.ask('GET', path);
      // The queue may have been deleted after it was counted.
      return status === 200 ? [body as ApiObject] : [];
    });
  return (await Promise.all(found)).flat();
}

/** Returns all items in one answer. Sorting and filtering happen in mq. */
async function whole(call: Call, path: string, { columns, sort }: Wanted): Promise<readonly ApiObject[]> {
  // Filtering needs the name, and sorting needs its column.
  const wanted = columns && [...new Set([...columns, 'name', 'vhost', ...(sort === undefined ? [] : [sort])])];
  return itemsOf((await asked(call, { path: path + query({ columns: wanted?.join(',') }) })).body);
}

/** Returns the requested columns page by page, or in one answer without --limit and --filter. */
async function pages(
  call: Call,
  path: string,
  wanted: Wanted,
  more: Parameters<typeof query>[0] = {},
): Promise<readonly ApiObject[]> {
  const { columns, sort, isReversed, filter, limit, page } = wanted;
  const shown = columns && [...new Set([...columns, ...(sort === undefined ? [] : [sort])])];
  const how = {
    ...more,
    columns: shown?.join(','),
    sort,
    sort_reverse: sort === undefined ? undefined : isReversed,
  };
  if (limit === undefined && filter === undefined)
    return itemsOf((await asked(call, { path: path + query(how) })).body);
  const items: ApiObject[] = [];
  const pageSize = Math.min(limit ?? largestPage, largestPage);
  for (let at = page; ; at += 1) {
    const paging = { page: at, page_size: pageSize, name: filter, use_regex: false, pagination: true };
    const answer = (await asked(call, { path: path + query({ ...how, ...paging }) })).body as ApiObject;
    items.push(...itemsOf(answer['items']));
    const isLast = at >= Number(answer['page_count'] ?? 0);
    if (isLast || (limit !== undefined && items.length >= limit)) return items.slice(0, limit);
  }
}

function itemsOf(answer: unknown): readonly ApiObject[] {
  return Array.isArray(answer) ? (answer as readonly ApiObject[]) : [];
}

/** Filters, sorts and limits items that the broker did not process. */
function cut(items: readonly ApiObject[], { sort, isReversed, filter, limit, page }: Wanted): readonly ApiObject[] {
  const text = filter?.toLowerCase();
  const found = text === undefined ? items : items.filter((item) => nameOf(item).toLowerCase().includes(text));
  const sorted = sort === undefined ? found : found.toSorted((a, b) => compare(valueAt(a, sort), valueAt(b, sort)));
  const turned = isReversed ? sorted.toReversed() : sorted;
  return limit === undefined ? turned : turned.slice((page - 1) * limit, page * limit);
}

/** Returns the text that --filter searches. */
function nameOf(item: ApiObject): string {
  const names = ['name', 'user', 'source', 'destination', 'consumer_tag', 'component', 'vhost'];
  const [name] = names.filter((one) => typeof item[one] === 'string');
  return name === undefined ? '' : names.map((one) => (typeof item[one] === 'string' ? item[one] : '')).join('\n');
}

/** Compares values: missing ones first, then numbers by size, then text. */
function compare(a: unknown, b: unknown): number {
  const [rankA, rankB] = [rank(a), rank(b)];
  if (rankA !== rankB) return rankA - rankB;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a), String(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function rank(value: unknown): number {
  return value === undefined || value === null ? 0 : typeof value === 'number' ? 1 : 2;
}

/** Returns the value at a path. `message_stats.publish` is inside `message_stats`. */
export function valueAt(item: ApiObject, path: string): unknown {
  if (Object.hasOwn(item, path)) return item[path];
  let value: unknown = item;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as ApiObject)[part];
  }
  return value;
}

/** Statistics of queues, connections and channels. They appear some seconds after the object was created. */
const figures = ['messages', 'recv_oct', 'messages_unacknowledged'];

/** Throws USAGE if no item has the column to sort by, unless it may be a statistic that does not exist yet. */
async function refuseUnsortable(
  call: Call,
  path: string,
  {
    wanted,
    items,
    own,
    isPaged,
  }: { wanted: Wanted; items: readonly ApiObject[]; own: readonly string[]; isPaged: boolean },
): Promise<void> {
  const { sort } = wanted;
  if (sort === undefined || items.length === 0 || sort.includes('.') || own.includes(sort)) return;
  if (items.some((item) => valueAt(item, sort) !== undefined)) return;
  const [whole = {}] = isPaged
    ? await pages(call, path, { ...wanted, columns: undefined, sort: undefined, limit: 1 })
    : items;
  const hasFigures = !isPaged || path.includes('exchanges') || figures.some((name) => Object.hasOwn(whole, name));
  if (!hasFigures) return call.say(`nothing here has '${sort}' yet`);
  throw call.usage(`--sort ${sort}: no such column here; there are ${own.join(', ')} and whatever --json shows`);
}

/** Reports a column that no item has. It may be misspelled, or a statistic that does not exist yet. */
function noteAbsent({ text, say }: Call, columns: readonly string[], items: readonly ApiObject[]): void {
  if (text('columns') === undefined || items.length === 0) return;
  for (const column of columns)
    if (items.every((item) => valueAt(item, column) === undefined)) say(`nothing here has '${column}'`);
}
