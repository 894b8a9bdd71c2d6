// The nodes and the replicated queues of a cluster as they are now, and changes of members that are waited for.

import { setTimeout as pause } from 'node:timers/promises';
import { closest, distance } from 'fastest-levenshtein';
import { MqError } from '../errors.ts';
import { type Call, type Item, vhostOf } from './action.ts';
import { encoded } from './path.ts';
import { type Replication, replicationOf } from './replication.ts';

/** A change is in the cluster's store at once; a leader is there within an election. */
const settleMs = 10_000;
const lookMs = 200;

export interface Nodes {
  readonly all: readonly string[];
  readonly running: ReadonlySet<string>;
}

export async function nodesOf({ api }: Call): Promise<Nodes> {
  const items = (await api.request('GET', '/nodes?columns=name,running')) as Item[];
  const names = (some: Item[]) => some.map(({ name }) => String(name));
  return { all: names(items), running: new Set(names(items.filter(({ running }) => running === true))) };
}

/** `mq2` stands for `rabbit@mq2`. Throws BAD_DATA. */
export function nodeNamed(call: Call, { all }: Nodes): string {
  const typed = call.arg('node');
  const found = all.filter((name) => name === typed || name.slice(name.indexOf('@') + 1) === typed);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const near = closest(typed, all as string[]);
  const hint =
    near !== undefined && distance(typed, near) <= 2 ? `did you mean '${near}'?` : `there are ${all.join(', ')}`;
  throw new MqError('BAD_DATA', `there is no node '${typed}' in the cluster`, { hint });
}

/** Every queue of --vhost, or of all. Without the statistics, which are seconds old and on 4.0 say members twice. */
export async function replications(call: Call, { running }: Nodes): Promise<Replication[]> {
  const path = call.vhost === undefined ? '/queues' : `/queues/${encoded(call.vhost)}`;
  const items = (await call.api.request('GET', `${path}?disable_stats=true`)) as Item[];
  return items.map((item) => replicationOf(item, running));
}

/** The quorum queue that is named. Throws BAD_DATA where there is none, or it is of another type. */
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
          ? `the type of a queue is for life; a new one: mq admin create queue NAME --type quorum`
          : `on the node: rabbitmq-streams add_replica '${name}' NODE`,
    },
  );
}

/** Looks again until the queues are as wanted, or ten seconds are over. */
export async function settled(
  call: Call,
  nodes: Nodes,
  isSo: (all: readonly Replication[]) => boolean,
): Promise<readonly Replication[]> {
  const end = performance.now() + settleMs;
  for (;;) {
    const all = await replications(call, nodes);
    if (isSo(all) || performance.now() > end) return all;
    await pause(lookMs);
  }
}

/** A pattern of Erlang's `re` for exactly this name, or for any. */
export function exactly(name: string | undefined): string {
  return name === undefined ? '.*' : `^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}
