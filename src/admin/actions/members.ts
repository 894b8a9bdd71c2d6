// Reads the nodes and replicated queues of a cluster, and waits for changes of members.

import { MqError } from '../../errors.ts';
import { nearest } from '../../terminal/nearest.ts';
import { pause, time } from '../../time.ts';
import { type Call, vhostOf } from '../action.ts';
import { type ApiObject, objectsIn } from '../json.ts';
import { encoded } from '../path.ts';
import { type Replication, replicationOf } from './replication.ts';

/** Time limit for a change in milliseconds. A change is stored at once, but a new leader needs an election. */
const settleMs = 10_000;
const checkMs = 200;

interface Nodes {
  readonly all: readonly string[];
  readonly running: ReadonlySet<string>;
}

/** Returns the names of all nodes of the cluster and of those that are running. */
export async function nodesOf({ api }: Call): Promise<Nodes> {
  const items = objectsIn(await api.request('GET', '/nodes?columns=name,running'));
  const names = (some: readonly ApiObject[]) => some.map(({ name }) => String(name));
  return { all: names(items), running: new Set(names(items.filter(({ running }) => running === true))) };
}

/**
 * Returns the full name of a node. The part after the `@` is enough: `mq2` for `rabbit@mq2`. Throws BAD_DATA for an
 * unknown node.
 */
export function nodeNamed(call: Call, { all }: Nodes): string {
  const typed = call.arg('node');
  const found = all.filter((name) => name === typed || name.slice(name.indexOf('@') + 1) === typed);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const near = nearest(typed, all);
  const hint = near === undefined ? `the nodes are ${all.join(', ')}` : `did you mean '${near}'?`;
  throw new MqError('BAD_DATA', `there is no node '${typed}' in the cluster`, { hint });
}

/**
 * Returns all queues of --vhost, or of all vhosts. The request excludes statistics, because they are seconds old and
 * RabbitMQ 4.0 lists members twice in them.
 */
export async function replications(call: Call, { running }: Nodes): Promise<Replication[]> {
  const path = call.vhost === undefined ? '/queues' : `/queues/${encoded(call.vhost)}`;
  const items = objectsIn(await call.api.request('GET', `${path}?disable_stats=true`));
  return items.map((item) => replicationOf(item, running));
}

/** Returns the named quorum queue. Throws BAD_DATA if it does not exist or has another type. */
export function queueNamed(call: Call, all: readonly Replication[]): Replication {
  const [name, vhost] = [call.arg('queue'), vhostOf(call)];
  const found = all.find((one) => one.name === name && one.vhost === vhost);
  if (found === undefined) throw new MqError('BAD_DATA', `there is no queue '${name}' in vhost '${vhost}'`);
  if (found.type === 'quorum') return found;
  throw new MqError(
    'BAD_DATA',
    `'${name}' is a ${found.type} queue: only quorum queues have members that can be changed here`,
    {
      hint:
        found.type === 'classic'
          ? `the type of a queue cannot be changed; create a new queue: mq admin create queue NAME --type quorum`
          : `on the node: rabbitmq-streams add_replica '${name}' NODE`,
    },
  );
}

/** Reads the queues repeatedly until `isSettled` accepts them or ten seconds have passed, and returns them. */
export async function settled(
  call: Call,
  nodes: Nodes,
  isSettled: (all: readonly Replication[]) => boolean,
): Promise<readonly Replication[]> {
  const end = time.now() + settleMs;
  for (;;) {
    const all = await replications(call, nodes);
    if (isSettled(all) || time.now() > end) return all;
    await pause(checkMs);
  }
}

/** Returns a pattern for Erlang's `re` that matches exactly this name, or any name. */
export function exactly(name: string | undefined): string {
  return name === undefined ? '.*' : `^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}
