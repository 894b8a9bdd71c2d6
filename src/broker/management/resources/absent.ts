// Routes for features of RabbitMQ that this broker does not have. The lists are empty, and a PUT is refused.

import { Refusal } from '../refusal.ts';
import { list, type Route } from '../route.ts';

const lists = [
  '/global-parameters',
  '/user-limits',
  '/user-limits/:user',
  '/feature-flags',
  '/deprecated-features',
  '/deprecated-features/used',
  '/extensions',
];

const items = ['/global-parameters/:name', '/user-limits/:user/:name', '/feature-flags/:name/enable'];

export const absentRoutes: readonly Route[] = [
  ...lists.map((path): Route => ({ method: 'GET', path, handle: () => list([]) })),
  ...items.map((path): Route => ({ method: 'PUT', path, role: 'policymaker', handle: () => refuse(path) })),
];

function refuse(path: string): never {
  const what = path.split('/')[1]?.replaceAll('-', ' ');
  throw new Refusal(501, 'not_implemented', `the embedded broker does not have ${what}; use RabbitMQ for them`);
}
