// Applies the query to a response: columns, sorting, filter and pages (https://www.rabbitmq.com/docs/management#pagination).

import { backtracking, caselessPatternTest } from '../patterns.ts';
import { inSlices, sortedInSlices } from '../slices.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { badRequest, Refusal } from './refusal.ts';
import type { ApiResponse } from './route.ts';

const defaultPageSize = 100;
const largestPageSize = 500;

/** Applies the query to a response. Throws 400 for an invalid query. */
export async function listing(answer: ApiResponse, query: URLSearchParams): Promise<ApiResponse> {
  const columns = query.get('columns')?.split(',');
  const select = (item: unknown) => (columns === undefined ? item : selectColumns(item, columns));
  const { body } = answer;
  if (answer.isList !== true || !Array.isArray(body)) {
    return isJsonObject(body) ? { ...answer, body: select(body) } : answer;
  }
  const items = await sorted(body, query, answer.order ?? []);
  if (!query.has('page')) return { ...answer, body: await inSlices(items, select) };
  return { ...answer, body: await pageOf(items, query, select) };
}

async function pageOf(
  items: readonly unknown[],
  query: URLSearchParams,
  select: (item: unknown) => unknown,
): Promise<JsonObject> {
  const page = positive(query.get('page'));
  const pageSize = query.has('page_size') ? positive(query.get('page_size')) : defaultPageSize;
  if (pageSize > largestPageSize) {
    const reason = `Invalid pagination parameters: page number ${page}, page size ${pageSize}`;
    throw new Refusal(400, 'invalid_pagination_parameters', reason);
  }
  const filtered = await filteredByName(items, query);
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
    items: shown.map(select),
  };
}

async function filteredByName(items: readonly unknown[], query: URLSearchParams): Promise<readonly unknown[]> {
  const name = query.get('name') ?? '';
  if (name === '') return items;
  const matches =
    query.get('use_regex') === 'true'
      ? await nameTest(name)
      : (other: string) => other.toLowerCase().includes(name.toLowerCase());
  return items.filter((item) => matches(String(valueAt(item, 'name') ?? '')));
}

/**
 * RabbitMQ 4.3: a pattern that PCRE refuses matches nothing. Throws 400 for a pattern that requires backtracking, because it
 * could block the broker.
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

/** Sorts by the field of the query, and then by the fields of the list, as RabbitMQ does. */
async function sorted(
  items: readonly unknown[],
  query: URLSearchParams,
  order: readonly string[],
): Promise<readonly unknown[]> {
  const field = query.get('sort') ?? '';
  const paths = field === '' ? order : [field, ...order];
  const unsorted = await inSlices(items, (item) => ({ item, values: paths.map((path) => valueAt(item, path)) }));
  const rows = await sortedInSlices(unsorted, (a, b) => {
    for (const [index, value] of a.values.entries()) {
      const difference = compare(value, b.values[index]);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  const isReversed = field !== '' && query.get('sort_reverse') === 'true';
  return (isReversed ? rows.toReversed() : rows).map(({ item }) => item);
}

/** Compares as Erlang does: numbers come before strings, and a missing value counts as zero. */
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
    value = Reflect.get(value, part);
  }
  return value;
}

/** Returns the item with only these columns. The column `a.b` selects only the field `b` of the object `a`. */
function selectColumns(item: unknown, columns: readonly string[]): JsonObject {
  const result: Record<string, unknown> = Object.create(null);
  for (const column of columns) {
    const value = valueAt(item, column);
    if (value !== undefined) setAt(result, column.split('.'), value);
  }
  return result;
}

function setAt(object: Record<string, unknown>, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    object[first] = value;
    return;
  }
  const existing = object[first];
  const inner: Record<string, unknown> = typeof existing === 'object' ? { ...existing } : {};
  object[first] = inner;
  setAt(inner, rest, value);
}
