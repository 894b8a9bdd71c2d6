// Jobs of the management API: requests of users with different permissions.

import { ask } from './management-api.ts';
import { type Job, named } from './program.ts';

/** `path` receives the name of the vhost. */
type Request = readonly [method: string, path: (vhost: string) => string, body?: unknown];

interface Rights {
  readonly tags: string;
  /** The pattern of all three permissions. `undefined` if the user has no permissions in the vhost. */
  readonly pattern: string | undefined;
}

const nothing: Rights = { tags: 'management', pattern: '^$' };
const message = { properties: {}, routing_key: 'queue', payload: 'x', payload_encoding: 'string' };
const get = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };

/** Returns a job that creates a vhost with a queue, exchanges and a binding. A user with these rights sends the request. */
function asked([method, path, body]: Request, { tags, pattern } = nothing): Job {
  return async () => {
    const vhost = named('vhost');
    const user = { name: named('user'), password: 'secret' };
    await ask(`/vhosts/${vhost}`, 'PUT');
    try {
      await ask(`/queues/${vhost}/queue`, 'PUT', { durable: true });
      await ask(`/exchanges/${vhost}/direct`, 'PUT', { type: 'direct' });
      await ask(`/exchanges/${vhost}/topic`, 'PUT', { type: 'topic' });
      await ask(`/exchanges/${vhost}/internal`, 'PUT', { type: 'direct', internal: true });
      await ask(`/bindings/${vhost}/e/direct/q/queue`, 'POST', { routing_key: 'key' });
      await ask(`/users/${user.name}`, 'PUT', { password: user.password, tags });
      if (pattern !== undefined) {
        const permission = { configure: pattern, write: pattern, read: pattern };
        await ask(`/permissions/${vhost}/${user.name}`, 'PUT', permission);
      }
      await ask(`/topic-permissions/${vhost}/${user.name}`, 'PUT', { exchange: 'topic', write: '^a$', read: '^a$' });
      return await ask(path(vhost), method, body, user);
    } finally {
      await ask(`/users/${user.name}`, 'DELETE');
      await ask(`/vhosts/${vhost}`, 'DELETE');
    }
  };
}

const everything: Rights = { tags: 'management', pattern: '.*' };
const noAccess: Rights = { tags: 'management', pattern: undefined };
const argument = { durable: true, arguments: { 'x-dead-letter-exchange': 'direct' } };

export const rights: Readonly<Record<string, Job>> = {
  'rights: publish': asked(['POST', (vhost) => `/exchanges/${vhost}/direct/publish`, message]),
  'rights: publish to the default exchange': asked([
    'POST',
    (vhost) => `/exchanges/${vhost}/amq.default/publish`,
    message,
  ]),
  'rights: publish to a missing exchange': asked(['POST', (vhost) => `/exchanges/${vhost}/none/publish`, message]),
  'rights: publish to an internal exchange': asked(
    ['POST', (vhost) => `/exchanges/${vhost}/internal/publish`, message],
    everything,
  ),
  'rights: publish with a forbidden routing key': asked(
    ['POST', (vhost) => `/exchanges/${vhost}/topic/publish`, message],
    everything,
  ),
  'rights: publish as another user': asked(
    ['POST', (vhost) => `/exchanges/${vhost}/direct/publish`, { ...message, properties: { user_id: 'other' } }],
    everything,
  ),
  'rights: publish in a vhost without permissions': asked(
    ['POST', (vhost) => `/exchanges/${vhost}/direct/publish`, message],
    noAccess,
  ),
  'rights: get': asked(['POST', (vhost) => `/queues/${vhost}/queue/get`, get]),
  'rights: get from a missing queue': asked(['POST', (vhost) => `/queues/${vhost}/none/get`, get]),
  'rights: purge': asked(['DELETE', (vhost) => `/queues/${vhost}/queue/contents`]),
  'rights: purge a missing queue': asked(['DELETE', (vhost) => `/queues/${vhost}/none/contents`]),
  'rights: declare an existing queue': asked(['PUT', (vhost) => `/queues/${vhost}/queue`, { durable: true }]),
  'rights: declare a queue': asked(['PUT', (vhost) => `/queues/${vhost}/new`, argument]),
  'rights: declare a reserved queue': asked(['PUT', (vhost) => `/queues/${vhost}/amq.new`, {}], everything),
  'rights: delete a queue': asked(['DELETE', (vhost) => `/queues/${vhost}/queue`]),
  'rights: declare an existing exchange': asked(['PUT', (vhost) => `/exchanges/${vhost}/direct`, { type: 'direct' }]),
  'rights: declare an exchange': asked(['PUT', (vhost) => `/exchanges/${vhost}/new`, { type: 'direct' }]),
  'rights: declare a reserved exchange': asked(
    ['PUT', (vhost) => `/exchanges/${vhost}/amq.new`, { type: 'direct' }],
    everything,
  ),
  'rights: delete an exchange': asked(['DELETE', (vhost) => `/exchanges/${vhost}/topic`]),
  'rights: delete a reserved exchange': asked(['DELETE', (vhost) => `/exchanges/${vhost}/amq.direct`], everything),
  'rights: bind': asked(['POST', (vhost) => `/bindings/${vhost}/e/direct/q/queue`, { routing_key: 'new' }]),
  'rights: unbind': asked(['DELETE', (vhost) => `/bindings/${vhost}/e/direct/q/queue/key`]),
  'rights: set a policy': asked([
    'PUT',
    (vhost) => `/policies/${vhost}/new`,
    { pattern: '^a', definition: { 'max-length': 1 } },
  ]),
  'rights: set an operator policy': asked(
    ['PUT', (vhost) => `/operator-policies/${vhost}/new`, { pattern: '^a', definition: { 'max-length': 1 } }],
    { tags: 'policymaker', pattern: '.*' },
  ),
  'rights: list parameters': asked(['GET', () => '/parameters']),
  'rights: list nodes': asked(['GET', () => '/nodes']),
};
