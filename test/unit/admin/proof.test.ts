// Proves a management API if neither a connection nor a queue is visible: both sides must have one cluster name.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Management } from '../../../src/admin/client.ts';
import { doubtOf, type ProofPeer } from '../../../src/admin/proof.ts';

/** An API that names a cluster, or none, and lists nothing to this user. */
function apiOf(clusterName: string | undefined): Management {
  const ask = async (_method: string, path: string) => {
    if (path !== '/cluster-name') return { status: 403, body: {} };
    return clusterName === undefined ? { status: 404, body: {} } : { status: 200, body: { name: clusterName } };
  };
  return { ask } as unknown as Management;
}

/** A broker that refuses the login, and reports at most the name of its cluster. */
function refusing(clusterName: string | undefined): ProofPeer {
  return {
    shown: 'h:5672',
    clusterName,
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
  test(`API of the cluster ${api}, broker of the cluster ${peer}: ${kind ?? 'proven'}`, async () => {
    const doubt = await doubtOf(apiOf(api), 'guest', async () => refusing(peer));
    assert.is(doubt?.kind, kind);
  });

test.run();
