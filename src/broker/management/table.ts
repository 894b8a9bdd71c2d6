// Contains all routes of the HTTP API, and finds the route of a path.

import { notFound, Refusal } from './refusal.ts';
import { absentRoutes } from './resources/absent.ts';
import { bindingRoutes } from './resources/bindings.ts';
import { channelRoutes } from './resources/channels.ts';
import { connectionRoutes } from './resources/connections.ts';
import { consumerRoutes } from './resources/consumers.ts';
import { definitionRoutes } from './resources/definitions.ts';
import { exchangeRoutes } from './resources/exchanges.ts';
import { healthRoutes } from './resources/health.ts';
import { limitRoutes } from './resources/limits.ts';
import { messageRoutes } from './resources/messages.ts';
import { nodeMemoryRoutes } from './resources/node-memory.ts';
import { overviewRoutes } from './resources/overview.ts';
import { parameterRoutes } from './resources/parameters.ts';
import { policyRoutes } from './resources/policies.ts';
import { queueRoutes } from './resources/queues.ts';
import { topicPermissionRoutes } from './resources/topic-permissions.ts';
import { userRoutes } from './resources/users.ts';
import { vhostRoutes } from './resources/vhosts.ts';
import type { Route } from './route.ts';

const routes: readonly Route[] = [
  ...overviewRoutes,
  ...nodeMemoryRoutes,
  ...messageRoutes,
  ...userRoutes,
  ...topicPermissionRoutes,
  ...definitionRoutes,
  ...healthRoutes,
  ...policyRoutes,
  ...limitRoutes,
  ...parameterRoutes,
  ...absentRoutes,
  ...vhostRoutes,
  ...queueRoutes,
  ...exchangeRoutes,
  ...bindingRoutes,
  ...connectionRoutes,
  ...channelRoutes,
  ...consumerRoutes,
];

type RouteMatch =
  | { readonly route: Route; readonly params: ReadonlyMap<string, string> }
  /** The allowed methods of the path, as the value of the header Allow. */
  | { readonly options: string };

const rows = routes.map((route) => ({ route, parts: route.path.split('/').slice(1) }));

/** Returns the route for the decoded parts of a path. Throws 404 or 405. */
export function findRoute(method: string, path: readonly string[]): RouteMatch {
  // Rascal does not encode the name of the virtual host `/`. The last slash of the path `vhosts//` is already removed.
  const [first, second, ...more] = path;
  const parts = first === 'vhosts' && second === '' && more.length === 0 ? ['vhosts', '/'] : path;
  const fitting = rows.filter((row) => fits(row.parts, parts));
  const row = fitting.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method));
  if (row !== undefined) {
    const params = row.parts.flatMap((part, index): [string, string][] =>
      part.startsWith(':') ? [[part.slice(1), parts[index] ?? '']] : [],
    );
    return { route: row.route, params: new Map(params) };
  }
  if (fitting.length === 0) throw notFound();
  const methods = new Set<string>(fitting.map(({ route }) => route.method));
  const allowed = [...(methods.has('GET') ? ['HEAD'] : []), ...methods, 'OPTIONS'].join(', ');
  if (method === 'OPTIONS') return { options: allowed };
  throw new Refusal(405, 'method_not_allowed', `allowed methods: ${allowed}`, { Allow: allowed });
}

function fits(pattern: readonly string[], parts: readonly string[]): boolean {
  if (pattern.length !== parts.length) return false;
  return pattern.every((part, index) => {
    if (!part.startsWith(':')) return part === parts[index];
    // RabbitMQ: the default exchange has no name.
    return parts[index] !== '' || part === ':exchange';
  });
}
