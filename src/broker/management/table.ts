// The one table of the HTTP API's routes, and which of them a path means.

import { overviewRoutes } from './overview.ts';
import { Refusal } from './refusal.ts';
import type { Route } from './route.ts';
import { vhostRoutes } from './vhosts.ts';

export const routes: readonly Route[] = [...overviewRoutes, ...vhostRoutes];

interface Found {
  readonly route: Route;
  readonly params: ReadonlyMap<string, string>;
}

const rows = routes.map((route) => ({ route, parts: route.path.split('/').slice(1) }));

/** `parts` of the path, decoded. Throws 404 or 405. */
export function findRoute(method: string, parts: readonly string[]): Found {
  const fitting = rows.filter((row) => fits(row.parts, parts));
  const row = fitting.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method));
  if (row !== undefined) {
    const params = row.parts.flatMap((part, index): [string, string][] =>
      part.startsWith(':') ? [[part.slice(1), parts[index] ?? '']] : [],
    );
    return { route: row.route, params: new Map(params) };
  }
  if (fitting.length === 0) throw new Refusal(404, 'Object Not Found', 'Not Found');
  throw new Refusal(405, 'method_not_allowed', `allowed here: ${fitting.map(({ route }) => route.method).join(', ')}`);
}

function fits(pattern: readonly string[], parts: readonly string[]): boolean {
  if (pattern.length !== parts.length) return false;
  return pattern.every((part, index) => (part.startsWith(':') ? parts[index] !== '' : part === parts[index]));
}
