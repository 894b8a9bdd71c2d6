// Paths of the HTTP API. A name may hold anything (`/`, `%`, `?`, `#`), and each is one part of the path.

import { MqError } from '../errors.ts';

/**
 * A path after `/api`, every value encoded as one part of it: apiPath`/queues/${vhost}/${queue}`.
 * The default exchange, whose name is empty, goes by `amq.default` there. Throws BAD_DATA for `.` and `..`.
 */
export function apiPath(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return texts.map((text, index) => text + (index < values.length ? encoded(values[index] ?? '') : '')).join('');
}

/** One part of a path. Throws BAD_DATA for what cannot be one. */
export function encoded(name: string): string {
  // RabbitMQ 4.3.6: Cowboy decodes %2E before it takes dots for the folder above, and would do something else than was meant.
  if (name === '.' || name === '..')
    throw new MqError('BAD_DATA', `the management API has no path to what is named '${name}'`);
  return encodeURIComponent(name.toWellFormed());
}

/** `?name=value&…`; what is undefined is left out. Empty where nothing is left. */
export function query(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(values).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
