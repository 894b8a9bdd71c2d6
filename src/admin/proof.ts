// Proves that a management API belongs to the broker of an AMQP address: both report the same cluster name, and the API
// lists a connection that mq opens for this purpose.

import { MqError } from '../errors.ts';
import type { Peer } from '../session/peer.ts';
import { pause, time } from '../time.ts';
import { clusterNameOf } from './broker-name.ts';
import type { Management } from './client.ts';
import { objectsIn } from './json.ts';
import { apiPath } from './path.ts';

/** The broker at the AMQP address. */
export type ProofPeer = Omit<Peer, 'depths'>;

/** Reason to doubt an API: it belongs to another broker (`other`), or its broker is unknown (`unproven`). */
export type Doubt = { readonly kind: 'other' | 'unproven'; readonly why: string };

/**
 * Returns `undefined` if the API belongs to the broker that `open` connects to as `user`. Throws the errors of the API
 * and of `open`.
 */
export async function doubtOf(
  api: Management,
  user: string,
  open: () => Promise<ProofPeer>,
): Promise<Doubt | undefined> {
  const [clusterName, before] = await Promise.all([clusterNameOf(api), connectionsOf(api, user)]);
  const peer = await open();
  try {
    if (clusterName !== undefined && peer.clusterName !== undefined && clusterName !== peer.clusterName) {
      const why = `it belongs to the cluster '${clusterName}', and the broker at ${peer.shown} to the cluster '${peer.clusterName}'`;
      return { kind: 'other', why };
    }
    // Two brokers may have the same cluster name, for example containers with the same host name.
    const isListed =
      peer.localPort === undefined ? undefined : await listsPeer(api, peer, peer.user === user ? before : undefined);
    if (isListed === false)
      return { kind: 'other', why: `it does not list a connection that mq has just opened to ${peer.shown}` };
    const isOfCluster = clusterName !== undefined && peer.clusterName !== undefined;
    if (isListed === true || isOfCluster) return undefined;
    const silent = clusterName === undefined ? 'it' : `the broker at ${peer.shown}`;
    return { kind: 'unproven', why: `${silent} does not report the name of its cluster` };
  } finally {
    await peer.close();
  }
}

/**
 * Returns `true` if the API lists the peer's connection or its queue, `false` if it does not, and `undefined` if
 * neither can be checked. It tries three methods, and returns the result of the first one that has a result:
 *
 * 1. the port of the connection. This is the fastest method, but it can only prove that the API belongs to the broker
 * 2. a temporary queue of the connection, which mq must declare on the broker
 * 3. the name of the connection, which RabbitMQ lists only after some seconds
 */
async function listsPeer(
  api: Management,
  peer: ProofPeer,
  before: ReadonlySet<string> | undefined,
): Promise<boolean | undefined> {
  if (before !== undefined && (await listsPort(api, peer, before))) return true;
  // A missing port proves nothing, because with address translation the broker sees another port.
  const queue = await peer.ownQueue();
  const { status } =
    queue === undefined ? { status: 403 } : await api.ask('GET', apiPath`/queues/${peer.vhost}/${queue}`);
  if (status === 200 || status === 404) return status === 200;
  return listsName(api, peer.connectionName);
}

/** Returns the names of the user's connections, or `undefined` if the API does not list them for this login. */
async function connectionsOf(api: Management, user: string): Promise<ReadonlySet<string> | undefined> {
  // /connections is not used, because that list is up to 5 s old.
  const { status, body } = await api.ask('GET', `${apiPath`/connections/username/${user}`}?columns=name`);
  if (status !== 200 || !Array.isArray(body)) return undefined;
  return new Set(objectsIn(body).map(({ name }) => String(name)));
}

async function listsPort(api: Management, peer: ProofPeer, before: ReadonlySet<string>): Promise<boolean> {
  // RabbitMQ lists a connection a moment after it is open.
  for (const pauseMs of [0, 20, 80]) {
    await pause(pauseMs);
    const added = [...((await connectionsOf(api, peer.user)) ?? [])].filter((name) => !before.has(name));
    if (added.length > 0) return added.some((name) => clientPort(name) === peer.localPort);
  }
  return false;
}

/** Time limit in milliseconds. RabbitMQ collects the data of connections every 5 s (collect_statistics_interval). */
const collectedWithinMs = 12_000;

async function listsName(api: Management, connectionName: string): Promise<boolean | undefined> {
  const deadline = time.now() + collectedWithinMs;
  for (;;) {
    const { status, body } = await api.ask('GET', '/connections?columns=user_provided_name');
    if (status !== 200 || !Array.isArray(body)) return undefined;
    if (objectsIn(body).some((one) => one['user_provided_name'] === connectionName)) return true;
    if (time.now() > deadline) return false;
    await pause(500);
  }
}

/** Parses the port in `10.0.0.2:43210 -> 10.0.0.1:5672`. */
function clientPort(name: string): number | undefined {
  const port = /:(\d+) -> /.exec(name)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** Returns the error for an API that is not used. `isNamed` means that the user named the address of the API. */
export function refusedApi(origin: string, { kind, why }: Doubt, isNamed: boolean): MqError {
  const what = kind === 'other' ? 'belongs to another broker' : 'cannot be proven to belong to the broker';
  return new MqError('CONFIG', `the management API at ${origin} ${what}: ${why}`, {
    hint: isNamed
      ? 'the AMQP address and the management API must belong to one broker (MQ_URL and MQ_MANAGEMENT_URL, --url and --management-url); --trust-management skips this check'
      : 'name the correct one: --management-url http://user:password@host:port, or MQ_MANAGEMENT_URL',
  });
}
