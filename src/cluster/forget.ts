// Removes a member that will not return from the cluster. Removes it from RabbitMQ's list of members, and removes its
// container with its data.

import { setTimeout } from 'node:timers/promises';
import { MqError } from '../errors.ts';
import { ask, connectDocker } from './docker.ts';
import { type Member, membersOf, runTool } from './members.ts';
import { findNodes } from './node.ts';
import { removeContainer } from './removal.ts';
import { nodeName } from './settings.ts';

/** Time limit, in milliseconds, for the other nodes to notice that a node has ended. */
const noticeMs = 20_000;

/**
 * Removes a member. `host` is `mq1` or `rabbit@mq1`. RabbitMQ removes the node, and the members of quorum queues and
 * streams on it. Throws USAGE for an unknown node, REFUSED for a running node or if no majority of the members is
 * running, SYSTEM if RabbitMQ does not remove the node, and the errors of connectDocker.
 */
export async function forgetNode({ cluster, host: given }: { cluster: string; host: string }): Promise<void> {
  const host = given.replace(/^rabbit@/, '');
  const docker = await connectDocker();
  const nodes = await findNodes(docker, cluster);
  const node = nodes.find((one) => one.host === host);
  const name = nodeName(host);
  const container = node && docker.container.getById(node.containerId);
  const running = container && (await ask(`inspecting node ${host}`, () => container.inspect()))?.State;
  if (running?.Running)
    throw new MqError(
      'REFUSED',
      `node ${host} ${running.Paused ? 'is paused' : 'is running'}: only a node that is down can be forgotten`,
      {
        hint: running.Paused ? `first run mq cluster kill ${host}` : `first run mq cluster stop ${host}`,
      },
    );
  const others = nodes.filter((one) => one !== node);
  const end = performance.now() + noticeMs;
  let known = await membersOf(others);
  const isSeen = (members: readonly Member[] = []) => members.some((one) => one.name === name && one.isRunning);
  while (isSeen(known?.members) && performance.now() < end) {
    await setTimeout(200);
    known = await membersOf(others);
  }
  if (known === undefined || known.members.filter(({ isRunning }) => isRunning).length * 2 <= known.members.length)
    throw new MqError('REFUSED', `node ${host} cannot be forgotten, because no majority of the members is running`, {
      hint: 'start other nodes first: mq cluster status lists them, mq cluster heal starts all',
    });
  const isMember = known.members.some((one) => one.name === name);
  if (!isMember && node === undefined) {
    const names = known.members.map((one) => one.name.replace(/^.*@/, ''));
    throw new MqError('USAGE', `there is no node '${host}' in ${cluster}`, { hint: `its nodes: ${names.join(', ')}` });
  }
  if (isMember) await runTool(docker, known.source, ['rabbitmqctl', '-q', 'forget_cluster_node', name]);
  if (node) await removeContainer(docker, { Id: node.containerId, Names: [`/${node.containerName}`] });
}
