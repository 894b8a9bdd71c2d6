// Computes where a queue has its members, and what the loss of a node would cause.

import { type ApiObject, textsIn } from '../json.ts';

/**
 * Risk of a queue. `none`: it survives the loss of any one node; `critical`: the loss of some node stops it; `single`:
 * it has one copy; `down`: it does not work now.
 */
type Risk = 'none' | 'critical' | 'single' | 'down';

export interface Replication {
  readonly vhost: string;
  readonly name: string;
  readonly type: string;
  /** Node of the leader, if it is online. A classic queue has only this node. */
  readonly leader: string | undefined;
  readonly members: readonly string[];
  /** Members that are online. */
  readonly online: readonly string[];
  /** Number of online members that the queue can lose and still work. */
  readonly mayLose: number;
  readonly risk: Risk;
  /** Displayed members: `mq1* mq2 mq3!`, where `*` marks the leader and `!` an offline member. */
  readonly copies: string;
  /** Displayed effect of losing a node. */
  readonly loss: string;
}

/**
 * Returns where the queue has its members, and its risk.
 * @param queue an item of GET /queues?disable_stats=true, which is not delayed as statistics are
 * @param running names of the running nodes
 */
export function replicationOf(queue: ApiObject, running: ReadonlySet<string>): Replication {
  const { vhost, name, type } = {
    vhost: String(queue['vhost']),
    name: String(queue['name']),
    type: String(queue['type']),
  };
  const node = typeof queue['node'] === 'string' ? queue['node'] : undefined;
  const isReplicated = Array.isArray(queue['members']);
  const members = isReplicated ? textsIn(queue['members']) : node === undefined ? [] : [node];
  const known = isReplicated ? textsIn(queue['online']) : members;
  const online = members.filter((member) => running.has(member) && known.includes(member));
  const reported = queue['leader'] ?? node;
  const leader = typeof reported === 'string' && online.includes(reported) ? reported : undefined;
  const mayLose = isReplicated ? Math.max(0, online.length - majorityOf(members)) : 0;
  const copies = members.map((member) => shortName(member) + markOf(member, { leader, online })).join(' ');
  const where = { vhost, name, type, leader, members, online, mayLose, copies };
  if (!isReplicated) return { ...where, ...singleLoss(queue, node, online.length > 0) };
  return { ...where, ...replicatedLoss(where) };
}

/** Returns `mq2` for `rabbit@mq2`. */
function shortName(node: string): string {
  return node.slice(node.indexOf('@') + 1);
}

function markOf(member: string, { leader, online }: Pick<Replication, 'leader' | 'online'>): string {
  return online.includes(member) ? (member === leader ? '*' : '') : '!';
}

/** Returns the number of members that must be online. */
export function majorityOf(members: readonly string[]): number {
  return Math.floor(members.length / 2) + 1;
}

function singleLoss(queue: ApiObject, node: string | undefined, isOnline: boolean): Pick<Replication, 'risk' | 'loss'> {
  const place = node === undefined ? 'a node' : shortName(node);
  if (!isOnline) return { risk: 'down', loss: `down: its only node, ${place}, is not running` };
  if (queue['exclusive'] === true) return { risk: 'single', loss: 'it is deleted when its connection ends' };
  const what =
    queue['durable'] === false
      ? 'it is deleted with its messages'
      : 'it is down, and its messages are lost if the disk is lost';
  return { risk: 'single', loss: `without ${place} ${what}` };
}

function replicatedLoss({
  leader,
  members,
  online,
  mayLose,
}: Omit<Replication, 'risk' | 'loss'>): Pick<Replication, 'risk' | 'loss'> {
  const majority = majorityOf(members);
  if (online.length < majority)
    return {
      risk: 'down',
      loss: `down: ${online.length} of its ${members.length} members online, ${majority} needed`,
    };
  if (members.length === 1)
    return {
      risk: 'single',
      loss: `without ${members.map(shortName).join('')} it is down, and its messages are lost if the disk is lost`,
    };
  if (mayLose === 0)
    return {
      risk: 'critical',
      loss: `without ${online.map(shortName).join(' or ')} it is down: ${majority} of its ${members.length} members are needed`,
    };
  const moves =
    leader === undefined ? 'a leader is being elected' : `without ${shortName(leader)} another member leads`;
  return { risk: 'none', loss: `survives the loss of any ${mayLose === 1 ? 'node' : `${mayLose} nodes`}; ${moves}` };
}

/** Returns the effect of losing the node, or `undefined` if the queue has no online member there. */
export function effectOf(
  { type, leader, members, online, mayLose, risk }: Replication,
  node: string,
): string | undefined {
  if (!online.includes(node)) return undefined;
  if (members.length === 1) return type === 'classic' ? 'goes down with the node' : 'stops';
  if (risk === 'down') return 'stays down';
  if (mayLose === 0) return 'stops';
  return leader === node ? 'gets another leader' : 'has one member fewer';
}
