// Makes the steps that replace the queues of --replace, and refuses what cannot be replaced.

import { escaped, MqError } from '../errors.ts';
import type { Difference } from '../topology/difference.ts';
import { holdingName, unfinishedReplacements } from '../topology/replace-names.ts';
import type { Topology } from '../topology/topology.ts';
import type { WantedTopology } from '../topology/wanted.ts';
import { replaceQueue } from './replace.ts';
import { assertShortName } from './replace-refusals.ts';
import type { Place, Step } from './step.ts';

interface Compared {
  readonly place: Place;
  readonly wanted: WantedTopology;
  readonly topology: Topology;
  readonly differences: readonly Difference[];
}

/**
 * Throws USAGE if a name is not exactly one queue of rascal.json, TOPOLOGY if it is an exchange or a queue that differs
 * and whose name is too long, and REFUSED if the replacement of another queue was interrupted, because its messages are
 * in the holding queue.
 */
export function assertReplacements(vhosts: readonly Compared[], names: readonly string[]): void {
  for (const name of names) {
    const count = vhosts.filter(({ wanted }) => isQueue(wanted, name)).length;
    if (count === 1) {
      const differs = vhosts.some(({ differences }) => differences.some((one) => isQueueOf(one, name)));
      if (differs) assertShortName(name);
      continue;
    }
    if (count > 1) throw usage(`the queue '${name}' is in ${count} vhosts of rascal.json; use a file with one of them`);
    if (vhosts.some(({ wanted }) => wanted.exchanges.some((one) => one.name === name))) throw exchange(name);
    throw usage(`rascal.json defines no queue '${name}'`);
  }
  const unfinished = vhosts
    .flatMap(({ wanted, topology }) => unfinishedReplacements(wanted, topology))
    .find((name) => !names.includes(name));
  if (unfinished === undefined) return;
  const holding = holdingName(unfinished);
  throw new MqError(
    'REFUSED',
    `the replacement of the queue '${unfinished}' was interrupted; its messages are in ${holding}`,
    {
      hint: `mq apply --replace ${unfinished} finishes it`,
    },
  );
}

/** Returns those of the names whose queue differs, or whose replacement was interrupted. A missing queue is only created. */
export function replacedQueues({ wanted, topology, differences }: Compared, names: readonly string[]): string[] {
  return names.filter((name) => {
    const action = differences.find((one) => isQueueOf(one, name))?.action;
    const isHeld = topology.queues.some((one) => one.name === holdingName(name));
    const isWanted = wanted.queues.some((one) => one.name === name);
    return isWanted && action !== 'blocked' && (action === 'replace' || isHeld);
  });
}

/** Returns a step for each of the queues that replacedQueues returns. */
export function replacingSteps(compared: Compared, names: readonly string[]): Step[] {
  const { place, wanted, topology } = compared;
  const replaced = replacedQueues(compared, names);
  return wanted.queues
    .filter(({ name }) => replaced.includes(name))
    .map((queue) => ({
      stage: 'queue',
      action: 'replace',
      place,
      object: { kind: 'queue', name: queue.name, ...(queue.for !== undefined && { for: queue.for }) },
      run: async (target) =>
        target.onResult(await replaceQueue(target, { wanted: queue, defaultQueueType: topology.defaultQueueType })),
    }));
}

/** Returns the differences that the steps of these queues do not remove. */
export function withoutReplaced<One extends Difference>(differences: readonly One[], names: readonly string[]): One[] {
  return differences.filter((one) => one.kind !== 'queue' || one.action === 'blocked' || !names.includes(one.name));
}

function isQueueOf(one: Difference, name: string): boolean {
  return one.kind === 'queue' && one.name === name;
}

function isQueue({ queues }: WantedTopology, name: string): boolean {
  return queues.some((one) => one.name === name && one.isDeclared);
}

function usage(message: string): MqError {
  return new MqError('USAGE', message, { at: '--replace', hint: 'mq plan shows the names of the queues' });
}

function exchange(name: string): MqError {
  return new MqError('TOPOLOGY', `'${escaped(name)}' is an exchange, and mq replaces only queues`, {
    at: '--replace',
    hint: 'while an exchange does not exist, each publish to it closes the channel of its publisher with 404, and the unconfirmed messages of that channel may be lost',
  });
}
