// Lists all actions of mq admin.

import type { Action } from './action.ts';
import { bindingActions } from './actions/bindings.ts';
import { connectionActions } from './actions/connections.ts';
import { definitionActions } from './actions/definitions.ts';
import { exchangeActions } from './actions/exchanges.ts';
import { haActions } from './actions/ha.ts';
import { healthActions } from './actions/health.ts';
import { nodeActions } from './actions/nodes.ts';
import { overviewActions } from './actions/overview.ts';
import { parameterActions } from './actions/parameters.ts';
import { permissionActions } from './actions/permissions.ts';
import { policyActions } from './actions/policies.ts';
import { queueCheckAction } from './actions/queue-check.ts';
import { queueActions } from './actions/queues.ts';
import { userActions } from './actions/users.ts';
import { vhostActions } from './actions/vhosts.ts';

/** All actions, by object. The help groups them by verb and keeps this order within each verb. */
export const actions: readonly Action[] = [
  ...overviewActions,
  ...queueActions,
  ...exchangeActions,
  ...bindingActions,
  ...connectionActions,
  ...vhostActions,
  ...userActions,
  ...permissionActions,
  ...policyActions,
  ...parameterActions,
  ...nodeActions,
  ...haActions,
  ...definitionActions,
  ...healthActions,
  queueCheckAction,
];
