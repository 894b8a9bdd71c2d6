// Tests the proof of a management API that shows neither connections nor queues. The cluster names must be equal.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Management } from '../../../src/admin/client.ts';
import { doubtOf, type ProofPeer } from '../../../src/admin/proof.ts';

/** Returns an API that reports the name of its cluster, if it is given, and refuses all other requests. */
function apiOf(clusterName: string | undefined): Management {
  const ask = async (_method: string, path: string) => {
    if (path !== '/cluster-name') return { status: 403, body: {} };
    return clusterName === undefined ? { status: 404, body: {} } : { status: 200, body: { name: clusterName } };
  };
  return { ask } as unknown as Management;
}

/** Returns a broker that refuses the login. It reports the name of its cluster if it is given. */
function refusing(clusterName: string | undefined): ProofPeer {
  return {
    shown: 'h:5672',
    clusterName,
    product: 'RabbitMQ',
    version: '4.3.0',
    user: 'guest',
    vhost: '/',
    connectionName: 'mq admin 1',
    localPort: undefined,
    ownQueue: async () => undefined,
    close: async () => {},
  };
}

for (const [api, peer, kind] of [
  ['rabbit@a', 'rabbit@a', undefined],
  ['rabbit@a', 'rabbit@b', 'other'],
  ['rabbit@a', undefined, 'unproven'],
  [undefined, 'rabbit@a', 'unproven'],
  [undefined, undefined, 'unproven'],
] as const)
  test(`${kind ?? 'proven'}: the API reports ${api ?? 'no cluster'}, the broker ${peer ?? 'no cluster'}`, async () => {
    const doubt = await doubtOf(apiOf(api), 'guest', async () => refusing(peer));
    assert.is(doubt?.kind, kind);
  });

test.run();
