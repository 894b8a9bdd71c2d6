// What the query makes of a list: columns, sort, name, pages (https://www.rabbitmq.com/docs/management#pagination).

import { backtracking, caselessPatternTest } from '../patterns.ts';
import { inSlices, sortedInSlices } from '../slices.ts';
import { badRequest, Refusal } from './refusal.ts';
import type { Answer } from './route.ts';

type Item = Readonly<Record<string, unknown>>;

const defaultPageSize = 100;
const largestPageSize = 500;

/** Throws 400 for a query that makes no sense. */
export async function listing(answer: Answer, query: URLSearchParams): Promise<Answer> {
  const columns = query.get('columns')?.split(',');
  const cut = (item: Item) => (columns === undefined ? item : cutTo(item, columns));
  if (answer.isList !== true) {
    const { body } = answer;
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return answer;
    return { ...answer, body: cut(body as Item) };
  }
  const items = await sorted(answer.body as readonly Item[], query, answer.order ?? []);
  if (!query.has('page')) return { ...answer, body: await inSlices(items, cut) };
  return { ...answer, body: await paged(items, query, cut) };
}

async function paged(items: readonly Item[], query: URLSearchParams, cut: (item: Item) => Item): Promise<Item> {
  const page = positive(query.get('page'));
  const pageSize = query.has('page_size') ? positive(query.get('page_size')) : defaultPageSize;
  if (pageSize > largestPageSize) {
    const reason = `Invalid pagination parameters: page number ${page}, page size ${pageSize}`;
    throw new Refusal(400, 'invalid_pagination_parameters', reason);
  }
  const filtered = await named(items, query);
  const start = (page - 1) * pageSize;
  if (page > 1 && start >= filtered.length) {
    const where = `page: ${page} page size: ${pageSize}, len: ${filtered.length}`;
    throw new Refusal(400, 'page_out_of_range', `Page out of range, ${where}`);
  }
  const shown = filtered.slice(start, start + pageSize);
  return {
    total_count: items.length,
    filtered_count: filtered.length,
    item_count: shown.length,
    page,
    page_size: pageSize,
    page_count: Math.ceil(filtered.length / pageSize),
    items: shown.map(cut),
  };
}

async function named(items: readonly Item[], query: URLSearchParams): Promise<readonly Item[]> {
  const name = query.get('name') ?? '';
  if (name === '') return items;
  const isFound =
    query.get('use_regex') === 'true'
      ? await nameTest(name)
      : (other: string) => other.toLowerCase().includes(name.toLowerCase());
  return items.filter((item) => isFound(String(item['name'] ?? '')));
}

/**
 * RabbitMQ 4.3: a pattern that PCRE refuses finds nothing. Throws 400 for what only an engine that backtracks can do, because such
 * a pattern of a client could hold up the broker.
 */
async function nameTest(source: string): Promise<(name: string) => boolean> {
  try {
    return await caselessPatternTest(source);
  } catch {
    const construct = backtracking(source);
    if (construct === undefined) return () => false;
    throw badRequest(`name: mq does not support '${construct}' in a regular expression`);
  }
}

function positive(text: string | null): number {
  if (!/^[1-9]\d{0,8}$/.test(text ?? '')) throw badRequest('Pagination parameters are invalid');
  return Number(text);
}

/** RabbitMQ: by the field of the query, then by those of the list. */
async function sorted(
  items: readonly Item[],
  query: URLSearchParams,
  order: readonly string[],
): Promise<readonly Item[]> {
  const asked = query.get('sort') ?? '';
  const paths = asked === '' ? order : [asked, ...order];
  const unsorted = await inSlices(items, (item) => ({ item, values: paths.map((path) => valueAt(item, path)) }));
  const rows = await sortedInSlices(unsorted, (a, b) => {
    for (const [index, value] of a.values.entries()) {
      const difference = compare(value, b.values[index]);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  const isReversed = asked !== '' && query.get('sort_reverse') === 'true';
  return (isReversed ? rows.toReversed() : rows).map(({ item }) => item);
}

/** As Erlang orders: numbers before texts; what is missing counts as zero. */
function compare(a: unknown, b: unknown): number {
  const [one, other] = [a ?? 0, b ?? 0];
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  if (typeof one === 'number') return -1;
  if (typeof other === 'number') return 1;
  const [left, right] = [String(one), String(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function valueAt(item: unknown, path: string): unknown {
  let value: unknown = item;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Item)[part];
  }
  return value;
}

/** `a.b` keeps of the object `a` only `b`. */
function cutTo(item: Item, columns: readonly string[]): Item {
  const result: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const column of columns) {
    const value = valueAt(item, column);
    if (value === undefined) continue;
    const parts = column.split('.');
    const last = parts.pop() as string;
    let place = result;
    for (const part of parts) {
      const inner = place[part];
      const next = typeof inner === 'object' && inner !== null ? { ...inner } : {};
      place[part] = next;
      place = next as Record<string, unknown>;
    }
    place[last] = value;
  }
  return result;
}
