// Builds the actions that list objects of one kind. The broker filters, sorts and pages the lists that it can page. mq
// filters, sorts and pages the other lists.

import type { Action, Call, Result } from './action.ts';
import { columnsOf, valueAt, without } from './columns.ts';
import {
  countColumns,
  keyColumns,
  keyOf,
  withCounts,
  withExactCounts,
  withoutStatistics,
  withStatistics,
} from './depths.ts';
import { type ApiObject, numberIn, objectIn, objectsIn } from './json.ts';
import { apiPath, encoded, query } from './path.ts';
import { sendAction } from './request.ts';

interface ListRow {
  readonly noun: string;
  readonly summary: string;
  readonly details?: string;
  /** Path after /api. */
  readonly path: `/${string}`;
  /** Path for one vhost (`:vhost`). If absent, mq filters the items by their vhost. */
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

/** Returns the action that lists the objects of the row. */
export function listAction(row: ListRow): Action {
  const { noun, summary, path, columns, isGlobal } = row;
  return {
    verb: 'list',
    noun,
    summary,
    ...(row.details && { details: row.details }),
    columns,
    options: ['columns', 'sort', 'filter', 'limit', 'page', 'headers'],
    isInVhost: isGlobal !== true,
    request: `GET ${path}`,
    run: (call) => list(call, row),
  };
}

async function list(call: Call, row: ListRow): Promise<Result> {
  const { columns, vhostPath, isGlobal, hidden = [] } = row;
  const { vhost } = call;
  const isOfVhost = vhost !== undefined && vhostPath !== undefined;
  const path = isOfVhost ? vhostPath.replace(':vhost', () => encoded(vhost)) : row.path;
  const shown = columnsOf(call) ?? columns;
  const request = requestOf(call, shown);
  // RabbitMQ 4.3.6 returns lists below /vhosts/:vhost as a whole and ignores paging.
  const isPaged = row.isPaged === true && !path.startsWith('/vhosts/');
  const read = row.isCounted ? countedQueues : isPaged ? pages : whole;
  const all = await read(call, path, request);
  await refuseUnsortable(call, path, { request, items: all, columns, isPaged });
  const own = vhost === undefined || isOfVhost || isGlobal ? all : all.filter((item) => item['vhost'] === vhost);
  noteAbsent(call, shown, own);
  const items = isPaged ? own : processed(own, request);
  const hides = request.columns === undefined && hidden.length > 0;
  return { kind: 'items', columns: shown, items: hides ? items.map((item) => without(item, hidden)) : items };
}

/** Returns a list of items that an action has built itself. */
export function ownList(call: Call, columns: readonly string[], items: readonly ApiObject[]): Result {
  const shown = columnsOf(call) ?? columns;
  noteAbsent(call, shown, items);
  return { kind: 'items', columns: shown, items: processed(items, requestOf(call, shown)) };
}

/** Options of a list on the command line. */
interface ListRequest {
  /** Columns of --columns or of the row. `undefined` means all columns (--json without --columns). */
  readonly columns: readonly string[] | undefined;
  readonly sort: string | undefined;
  readonly isReversed: boolean;
  readonly filter: string | undefined;
  readonly limit: number | undefined;
  readonly page: number;
}

/** Reads the options of a list. `--sort -messages` sorts in descending order. */
function requestOf(call: Call, columns: readonly string[]): ListRequest {
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

/**
 * Returns the items with current counts, from a list with statistics and a list without them. If the items are sorted
 * by a count, the list without statistics determines the order, because RabbitMQ sorts each list by its own counts.
 */
async function countedQueues(call: Call, path: string, request: ListRequest): Promise<readonly ApiObject[]> {
  const { columns, sort = '' } = request;
  const isAsked = columns === undefined || [...countColumns, 'consumers'].some((name) => columns.includes(name));
  if (!isAsked) return pages(call, path, request);
  const isByCount = countColumns.some((name) => name === sort);
  const [described, counted] = await Promise.all([
    pages(call, path, { ...request, columns: columns && [...new Set([...columns, 'vhost', 'name'])] }),
    pages(call, path, { ...request, columns: keyColumns }, withoutStatistics),
  ]);
  const items = isByCount
    ? withStatistics(counted, [...described, ...(await missingStatistics(call, { described, counted, columns }))])
    : withCounts(described, counted);
  const now = await withExactCounts(call, items, counted);
  return isByCount ? processed(now, { ...request, filter: undefined, limit: undefined }) : now;
}

/**
 * Returns the statistics of queues that are in `counted` but not in `described`. The two pages can contain different
 * queues, because the order of the statistics is seconds old.
 */
async function missingStatistics(
  call: Call,
  {
    described,
    counted,
    columns,
  }: { described: readonly ApiObject[]; counted: readonly ApiObject[]; columns: ListRequest['columns'] },
): Promise<readonly ApiObject[]> {
  const keys = new Set(described.map(keyOf));
  const found = counted
    .filter((item) => !keys.has(keyOf(item)))
    .map(async ({ vhost, name }) => {
      const shown = columns && [...columns, 'vhost', 'name'].join(',');
      const path = apiPath`/queues/${String(vhost)}/${String(name)}` + query({ columns: shown });
      const { status, body } = await call.api.ask('GET', path);
      // The queue may have been deleted after it was counted.
      return status === 200 ? [objectIn(body)] : [];
    });
  return (await Promise.all(found)).flat();
}

/** Returns all items in one answer. mq sorts and filters them later. */
async function whole(call: Call, path: string, { columns, sort }: ListRequest): Promise<readonly ApiObject[]> {
  // Filtering needs the columns name and vhost, and sorting needs the column to sort by.
  const needed = columns && [...new Set([...columns, 'name', 'vhost', ...(sort === undefined ? [] : [sort])])];
  return objectsIn((await sendAction(call, { path: path + query({ columns: needed?.join(',') }) })).body);
}

/** Returns the items with the requested columns. Reads pages if --limit or --filter is given, otherwise one answer. */
async function pages(
  call: Call,
  path: string,
  request: ListRequest,
  more: Parameters<typeof query>[0] = {},
): Promise<readonly ApiObject[]> {
  const { columns, sort, isReversed, filter, limit, page } = request;
  const shown = columns && [...new Set([...columns, ...(sort === undefined ? [] : [sort])])];
  const parameters = {
    ...more,
    columns: shown?.join(','),
    sort,
    sort_reverse: sort === undefined ? undefined : isReversed,
  };
  if (limit === undefined && filter === undefined)
    return objectsIn((await sendAction(call, { path: path + query(parameters) })).body);
  const items: ApiObject[] = [];
  const pageSize = Math.min(limit ?? largestPage, largestPage);
  for (let at = page; ; at += 1) {
    const paging = { page: at, page_size: pageSize, name: filter, use_regex: false, pagination: true };
    const answer = objectIn((await sendAction(call, { path: path + query({ ...parameters, ...paging }) })).body);
    items.push(...objectsIn(answer['items']));
    const isLast = at >= numberIn(answer['page_count']);
    if (isLast || (limit !== undefined && items.length >= limit)) return items.slice(0, limit);
  }
}

/** Filters, sorts and limits items that the broker did not process. */
function processed(
  items: readonly ApiObject[],
  { sort, isReversed, filter, limit, page }: ListRequest,
): readonly ApiObject[] {
  const text = filter?.toLowerCase();
  const found = text === undefined ? items : items.filter((item) => nameOf(item).toLowerCase().includes(text));
  const sorted = sort === undefined ? found : found.toSorted((a, b) => compare(valueAt(a, sort), valueAt(b, sort)));
  const ordered = isReversed ? sorted.toReversed() : sorted;
  return limit === undefined ? ordered : ordered.slice((page - 1) * limit, page * limit);
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

/** Statistics of queues, connections and channels. They appear some seconds after the object was created. */
const statistics = ['messages', 'recv_oct', 'messages_unacknowledged'];

/**
 * Throws USAGE if no item has the column to sort by. If the column may be a statistic that has no value yet, prints a
 * note instead.
 */
async function refuseUnsortable(
  call: Call,
  path: string,
  {
    request,
    items,
    columns,
    isPaged,
  }: { request: ListRequest; items: readonly ApiObject[]; columns: readonly string[]; isPaged: boolean },
): Promise<void> {
  const { sort } = request;
  if (sort === undefined || items.length === 0 || sort.includes('.') || columns.includes(sort)) return;
  if (items.some((item) => valueAt(item, sort) !== undefined)) return;
  const [whole = {}] = isPaged
    ? await pages(call, path, { ...request, columns: undefined, sort: undefined, limit: 1 })
    : items;
  const hasStatistics = !isPaged || path.includes('exchanges') || statistics.some((name) => Object.hasOwn(whole, name));
  if (!hasStatistics) return call.say(`no item has the column '${sort}' yet`);
  throw call.usage(`--sort ${sort}: no such column; the columns are ${columns.join(', ')} and those that --json shows`);
}

/** Reports each requested column that no item has, because it may be misspelled or a statistic without a value yet. */
function noteAbsent({ text, say }: Call, columns: readonly string[], items: readonly ApiObject[]): void {
  if (text('columns') === undefined || items.length === 0) return;
  for (const column of columns)
    if (items.every((item) => valueAt(item, column) === undefined)) say(`no item has the column '${column}'`);
}
