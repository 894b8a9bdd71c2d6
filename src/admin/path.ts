// Builds paths of the HTTP API. A name may contain any character (`/`, `%`, `?`, `#`), and each name is one segment of
// the path.

import { MqError } from '../errors.ts';

/**
 * Returns a path after `/api` with each value encoded as one segment: apiPath`/queues/${vhost}/${queue}`. The default
 * exchange, whose name is empty, is `amq.default` there. Throws BAD_DATA for `.` and `..`.
 */
export function apiPath(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return texts.map((text, index) => text + (index < values.length ? encoded(values[index] ?? '') : '')).join('');
}

/** Returns one encoded segment. Throws BAD_DATA for a name that cannot be a segment. */
export function encoded(name: string): string {
  // RabbitMQ 4.3.6: Cowboy decodes %2E before it resolves dot segments, so the request would reach another path.
  if (name === '.' || name === '..')
    throw new MqError('BAD_DATA', `the management API has no path for the name '${name}'`);
  return encodeURIComponent(name.toWellFormed());
}

/** Returns `?name=value&…` without undefined values, or an empty string if no value is defined. */
export function query(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const defined = Object.entries(values).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return defined.length === 0 ? '' : `?${new URLSearchParams(defined)}`;
}
