// Actions for high availability. They show where queues have members and what the loss of a node would cause, and they
// change members.

import { escaped, MqError } from '../../errors.ts';
import type { Action, Call, Result } from '../action.ts';
import { ownList } from '../list-action.ts';
import { apiPath } from '../path.ts';
import { sendAction } from '../request.ts';
import { exactly, nodeNamed, nodesOf, queueNamed, replications, settled } from './members.ts';
import { effectOf, majorityOf, type Replication } from './replication.ts';

const listOptions = ['columns', 'sort', 'filter', 'limit', 'page', 'headers', 'all-vhosts'];
const risks = ['down', 'critical', 'single', 'none'];

export const haActions: readonly Action[] = [
  {
    verb: 'ha',
    summary: 'list where each queue is and what the loss of a node means',
    details:
      '`*` marks the leader, `!` a node that is not running. If a node is named, the list shows the effect of its loss.',
    args: [{ name: 'node', isOptional: true }],
    options: listOptions,
    columns: ['vhost', 'name', 'type', 'risk', 'copies', 'loss'],
    isInVhost: true,
    request: 'GET /queues',
    run: showReplication,
  },
  {
    verb: 'grow',
    summary: 'add a member on the node to a quorum queue, or to all',
    args: [{ name: 'node' }, { name: 'queue', isOptional: true }],
    isInVhost: true,
    request: 'POST /queues/quorum/replicas/on/:node/grow',
    run: grow,
  },
  {
    verb: 'shrink',
    summary: 'remove the member on a node from one or all quorum queues',
    args: [{ name: 'node' }, { name: 'queue', isOptional: true }],
    isInVhost: true,
    request: 'DELETE /queues/quorum/replicas/on/:node/shrink',
    question: async (call) => {
      const queues = (await shrinking(call)).queues.map(({ name }) => name);
      return `remove the member on ${call.arg('node')} from ${counted(queues)}?`;
    },
    run: shrink,
  },
  {
    verb: 'rebalance',
    summary: 'distribute the leaders of queues and streams over the nodes',
    request: 'POST /rebalance/queues',
    run: rebalance,
  },
  {
    verb: 'transfer',
    summary: 'transfer the leader of a quorum queue (mq cluster only)',
    args: [{ name: 'queue' }, { name: 'node' }],
    isInVhost: true,
    request: 'GET /queues/:vhost/:queue',
    run: transfer,
  },
];

async function showReplication(call: Call): Promise<Result> {
  const nodes = await nodesOf(call);
  const all = await replications(call, nodes);
  if (call.arg('node') === '') {
    const worstFirst = all.toSorted((a, b) => risks.indexOf(a.risk) - risks.indexOf(b.risk));
    return ownList(call, call.action.columns ?? [], worstFirst.map(itemOf));
  }
  const node = nodeNamed(call, nodes);
  if (!nodes.running.has(node)) call.say(`${node} is not running`);
  const affected = all.flatMap((one) => {
    const effect = effectOf(one, node);
    return effect === undefined ? [] : [{ ...itemOf(one), effect }];
  });
  const stopping = affected.filter(({ effect }) => effect === 'stops' || effect === 'goes down with the node').length;
  const down = all.filter(({ risk }) => risk === 'down').length;
  const before = down === 0 ? '' : `; already down: ${down}`;
  call.say(`without ${node}, ${stopping} of ${all.length} queues would stop${before}`);
  return ownList(call, ['vhost', 'name', 'type', 'effect', 'copies'], affected);
}

/** Returns the item for a list. Its leader is `null` if there is no leader, so that JSON contains the field. */
function itemOf(one: Replication): Record<string, unknown> {
  return { ...one, leader: one.leader ?? null };
}

async function grow(call: Call): Promise<Result> {
  const nodes = await nodesOf(call);
  const node = nodeNamed(call, nodes);
  if (!nodes.running.has(node))
    throw new MqError('UNAVAILABLE', `${node} is not running`, { hint: 'members can only be added to a running node' });
  const before = await replications(call, nodes);
  const one = call.arg('queue') === '' ? undefined : queueNamed(call, before);
  const wanted = (one ? [one] : before).filter(({ type, members }) => type === 'quorum' && !members.includes(node));
  if (wanted.length > 0) {
    if (one)
      await sendAction(call, { path: apiPath`/queues/quorum/${one.vhost}/${one.name}/replicas/add`, body: { node } });
    else
      await sendAction(call, {
        path: apiPath`/queues/quorum/replicas/on/${node}/grow`,
        body: { strategy: 'all', vhost_pattern: exactly(call.vhost), queue_pattern: '.*' },
      });
  }
  const has = (queue: Replication) => queue.members.includes(node);
  return changed(call, {
    node,
    wanted,
    nodes,
    isDone: has,
    outcome: 'added a member on',
    unchanged: 'the queues already have a member on',
    failure: `has no member on ${node}`,
  });
}

/** Returns the queues with a member on the node. Throws BAD_DATA if a queue would not work without that member. */
async function shrinking(call: Call) {
  const nodes = await nodesOf(call);
  const node = nodeNamed(call, nodes);
  const all = await replications(call, nodes);
  const one = call.arg('queue') === '' ? undefined : queueNamed(call, all);
  const queues = (one ? [one] : all).filter(({ type, members }) => type === 'quorum' && members.includes(node));
  const problems = queues.flatMap((queue) => {
    const left = queue.members.filter((member) => member !== node);
    const online = queue.online.filter((member) => member !== node);
    if (left.length === 0) return [`${queue.name}: this is its only member`];
    if (online.length >= majorityOf(left)) return [];
    return [
      `${queue.name}: ${online.length} of its ${left.length} remaining members would be online, ${majorityOf(left)} are needed`,
    ];
  });
  if (problems.length > 0)
    throw new MqError('BAD_DATA', `without their member on ${node}, these queues would not work:`, {
      problems,
      hint: 'first run mq admin grow NODE QUEUE, or start the missing nodes',
    });
  return { nodes, node, one, queues };
}

async function shrink(call: Call): Promise<Result> {
  const { nodes, node, one, queues } = await shrinking(call);
  if (queues.length > 0) {
    if (one || call.vhost !== undefined)
      for (const { vhost, name } of queues)
        await sendAction(call, { path: apiPath`/queues/quorum/${vhost}/${name}/replicas/delete`, body: { node } });
    else await sendAction(call, { path: apiPath`/queues/quorum/replicas/on/${node}/shrink` });
  }
  const hasNot = (queue: Replication) => !queue.members.includes(node);
  return changed(call, {
    node,
    wanted: queues,
    nodes,
    isDone: hasNot,
    outcome: 'removed the member on',
    unchanged: 'the queues have no member on',
    failure: `still has a member on ${node}`,
  });
}

interface Change {
  readonly node: string;
  /** Queues to change. */
  readonly wanted: readonly Replication[];
  readonly nodes: Awaited<ReturnType<typeof nodesOf>>;
  readonly isDone: (queue: Replication) => boolean;
  /** Text before the name of the node if queues changed. */
  readonly outcome: string;
  /** Text before the name of the node if there is nothing to change. */
  readonly unchanged: string;
  /** Text after the name of a queue that did not change. */
  readonly failure: string;
}

/** Waits until the queues have changed, because the answer of the API does not describe single queues. */
async function changed(
  call: Call,
  { node, wanted, nodes, isDone, outcome, unchanged, failure }: Change,
): Promise<Result> {
  const own = (all: readonly Replication[]) =>
    all.filter((one) => wanted.some(({ vhost, name }) => vhost === one.vhost && name === one.name));
  const after = own(wanted.length === 0 ? [] : await settled(call, nodes, (all) => own(all).every(isDone)));
  const left = after.filter((one) => !isDone(one));
  if (left.length > 0)
    throw new MqError('ANSWER_NO', `${left.length} of ${wanted.length} queues did not change in time:`, {
      problems: left.map(({ name, vhost }) => `${name} in vhost ${vhost} ${failure}`),
      hint: 'the log of the node shows the reason; mq admin ha shows where the members are',
    });
  const even = after.filter(({ members }) => members.length % 2 === 0);
  if (even.length > 0)
    call.say(
      `${counted(even.map(({ name }) => name))}: an even number of members tolerates no more lost nodes than one member fewer`,
    );
  const grown = after.map(
    ({ name, members }) => `${name} (${members.length} ${members.length === 1 ? 'member' : 'members'})`,
  );
  const line = wanted.length === 0 ? `nothing to do: ${unchanged} ${node}` : `${outcome} ${node}: ${counted(grown)}`;
  return {
    kind: 'done',
    line: escaped(line),
    item: {
      action: call.action.verb,
      node,
      queues: after.map(({ vhost, name, members }) => ({ vhost, name, members })),
    },
  };
}

async function rebalance(call: Call): Promise<Result> {
  const nodes = await nodesOf(call);
  const before = await replications(call, nodes);
  await sendAction(call, { body: {} });
  // The rebalance runs in the background. It counts as finished when nothing has changed in five consecutive checks.
  let [last, same] = ['', 0];
  const after = await settled(call, nodes, (all) => {
    const now = JSON.stringify(leadersOf(all, nodes.all));
    same = now === last ? same + 1 : 0;
    last = now;
    return same >= 5;
  });
  const [from, to] = [leadersOf(before, nodes.all), leadersOf(after, nodes.all)];
  const parts = nodes.all.map((name) => `${name} ${from[name]} → ${to[name]}`);
  return {
    kind: 'done',
    line: escaped(`rebalanced; leaders: ${parts.join(', ')}`),
    item: { action: 'rebalance', before: from, after: to },
  };
}

function leadersOf(all: readonly Replication[], nodes: readonly string[]): Record<string, number> {
  const led = (node: string) => all.filter(({ type, leader }) => type !== 'classic' && leader === node).length;
  return Object.fromEntries(nodes.map((node) => [node, led(node)]));
}

async function transfer(call: Call): Promise<Result> {
  const nodes = await nodesOf(call);
  const node = nodeNamed(call, nodes);
  const { vhost, name, leader, online } = queueNamed(call, await replications(call, nodes));
  const item = { action: 'transfer', vhost, queue: name, from: leader ?? null, to: node };
  if (leader === node) return { kind: 'done', line: escaped(`${node} already leads ${name}`), item };
  if (!online.includes(node))
    throw new MqError('BAD_DATA', `'${name}' has no member on ${node} that is online`, {
      hint: `mq admin grow ${call.arg('node')} '${name}'`,
    });
  // The management API of 4.0.5 and 4.3.6 cannot transfer a leader, so mq runs rabbitmqctl on the node.
  const ended = await call.control?.(node, ['rabbitmqctl', '-q', 'eval', transferTerm({ vhost, name, node })]);
  if (ended === undefined)
    throw new MqError(
      'BAD_DATA',
      "RabbitMQ's management API cannot transfer a leader, and this cluster was not started by mq cluster",
      {
        hint: `on a node, RabbitMQ 4.3: rabbitmq-queues transfer_leadership --vhost '${vhost}' '${name}' ${node}; or mq admin rebalance`,
      },
    );
  const after = await settled(call, nodes, (all) => led(all) === node);
  if (led(after) !== node)
    throw new MqError(
      'ANSWER_NO',
      `the leader of '${name}' is still ${led(after) ?? 'unknown'}: ${ended.output.trim()}`,
    );
  return { kind: 'done', line: escaped(`${node} leads ${name}; the previous leader was ${leader ?? 'unknown'}`), item };

  function led(all: readonly Replication[]): string | undefined {
    return all.find((one) => one.vhost === vhost && one.name === name)?.leader;
  }
}

/**
 * Returns the Erlang expression that transfers the leader. Names are passed as base64, because they could contain
 * Erlang code. The name of the node is an existing atom, because the cluster reported it.
 */
function transferTerm({ vhost, name, node }: { vhost: string; name: string; node: string }): string {
  const binary = (text: string) => `base64:decode(<<"${Buffer.from(text).toString('base64')}">>)`;
  const resource = `rabbit_misc:r(${binary(vhost)}, queue, ${binary(name)})`;
  return `{ok, Q} = rabbit_amqqueue:lookup(${resource}), rabbit_quorum_queue:transfer_leadership(Q, binary_to_existing_atom(${binary(node)})).`;
}

function counted(names: readonly string[]): string {
  if (names.length <= 3) return names.join(', ') || 'no queue';
  return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more queues`;
}
