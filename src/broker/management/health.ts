// Whether the broker is well.

import { nodeName } from './overview.ts';
import { type Answer, type Call, ok, type Route, vhostOf } from './route.ts';

export const healthRoutes: readonly Route[] = [
  { method: 'GET', path: '/aliveness-test/:vhost', handle: isAlive },
  { method: 'GET', path: '/health/checks/alarms', role: 'monitoring', handle: alarms },
  { method: 'GET', path: '/health/checks/local-alarms', role: 'monitoring', handle: alarms },
  { method: 'GET', path: '/health/checks/virtual-hosts', role: 'monitoring', handle: () => ok({ status: 'ok' }) },
];

/** Whoever answers is alive: queues and connections are served by the same process. */
function isAlive(call: Call): Answer {
  vhostOf(call);
  return ok({ status: 'ok' });
}

/** RabbitMQ: 503 where the answer is no. */
function alarms({ broker }: Call): Answer {
  if (!broker.memory.isHigh) return ok({ status: 'ok' });
  return {
    status: 503,
    body: {
      status: 'failed',
      reason: 'There are alarms in effect in the cluster',
      alarms: [{ node: nodeName, resource: 'memory' }],
    },
  };
}
