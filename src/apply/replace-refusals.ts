// Refuses a replacement that could lose messages, before anything is changed.

import { escaped, MqError } from '../errors.ts';
import { counted } from '../topology/object-text.ts';
import { holdingName, isTooLong, namesFor, probeName, tooLong } from '../topology/replace-names.ts';
import type { TopologyQueue } from '../topology/topology.ts';
import type { WantedQueue } from '../topology/wanted.ts';
import type { ReplacedObjects } from './replace-objects.ts';
import { capacityOf, holdingArguments, removingPolicy } from './replace-policies.ts';
import { notReady, type VhostState } from './replace-state.ts';
import type { Target } from './step.ts';

interface Checked {
  readonly found: TopologyQueue;
  readonly wanted: WantedQueue;
  readonly state: VhostState;
}

type Place = Pick<Target, 'api' | 'vhost'> & { readonly objects: ReplacedObjects };

/**
 * Throws TOPOLOGY if the queue cannot be replaced without loss, REFUSED if it cannot be replaced now, and the error of
 * the broker if it refuses the new arguments.
 */
export async function assertReplaceable(place: Place, { found, wanted, state }: Checked): Promise<void> {
  const { name } = found;
  const why = reasonOf(found, wanted) ?? policyReason(found, wanted, state);
  if (why !== undefined) throw irreplaceable(name, why);
  await refuseUse(place, name);
  const { messageCount } = await place.objects.depth(name);
  const { messages } = capacityOf(renewed(found, wanted), state);
  if (messageCount > messages)
    throw new MqError(
      'REFUSED',
      `the queue '${name}' has ${messageCount} messages, and the new one keeps at most ${messages}`,
      {
        hint: 'receive messages first, or increase x-max-length',
      },
    );
  await probe(place.objects, wanted);
}

/** Throws TOPOLOGY if the names that mq adds would be longer than AMQP allows. */
export function assertShortName(name: string): void {
  if (isTooLong(name)) throw irreplaceable(name, tooLong);
}

/** Returns the reason if a policy removes messages from the holding queue. */
export function removalText(policy: string | undefined, holding: string): string {
  const subject = policy === undefined ? 'a policy' : `the policy '${escaped(policy)}'`;
  return `${subject} would remove messages from the holding queue '${escaped(holding)}'; change its pattern or its priority`;
}

/** Returns the TOPOLOGY error about a queue that cannot be replaced. */
export function irreplaceable(name: string, why: string): MqError {
  return new MqError('TOPOLOGY', `mq cannot replace the queue '${escaped(name)}': ${why}`);
}

/** Throws REFUSED if the queue has consumers, unacknowledged messages, or messages that the broker holds back. */
export async function refuseUse({ objects, ...api }: Place, name: string): Promise<void> {
  const { consumerCount } = await objects.depth(name);
  if (consumerCount > 0) throw inUse(name, consumerCount);
  const { unacknowledged, heldBack } = await notReady(api, name);
  if (unacknowledged > 0)
    throw new MqError(
      'REFUSED',
      `the queue '${name}' has ${counted(unacknowledged, 'unacknowledged message')}, which a deletion would lose`,
      {
        hint: 'wait until their clients have acknowledged or returned them',
      },
    );
  if (heldBack === 0) return;
  throw new MqError(
    'REFUSED',
    `the queue '${name}' holds back ${counted(heldBack, 'message')} for a dead-letter target or a delayed retry, which a deletion would lose`,
    {
      hint: 'bind a queue that accepts the dead letters (messages_dlx), or wait for the retries (messages_delayed)',
    },
  );
}

/** Adds the names of the objects for which the user needs permissions to a refusal of the broker. */
export function withNeededNames(error: unknown, name: string): unknown {
  if (!(error instanceof MqError) || error.code !== 'NOT_PERMITTED' || error.hint !== undefined) return error;
  const { code, message, problems } = error;
  const names = namesFor(name).map((one) => `'${escaped(one)}'`);
  const hint = `the user needs all permissions for ${names.join(', ')}, the write permission for the default exchange and the dead-letter exchange, and the read permission for each exchange with a binding to the queue`;
  return new MqError(code, message, { hint, problems, cause: error });
}

export function deleted(name: string): MqError {
  return new MqError('OUTDATED', `another client has deleted the queue '${escaped(name)}'`, {
    hint: 'run mq apply again',
  });
}

export function inUse(name: string, consumers: number): MqError {
  return new MqError(
    'REFUSED',
    `the queue '${name}' has ${counted(consumers, 'consumer')}, and a deletion would lose what they have not acknowledged`,
    {
      hint: 'stop the consumers, and start them again after mq apply',
    },
  );
}

function reasonOf(found: TopologyQueue, wanted: WantedQueue): string | undefined {
  if (found.type === 'stream') return 'it is a stream, and its messages, offsets and timestamps cannot be moved';
  if (wanted.type === 'stream') return 'the new queue is a stream, which does not keep all headers of moved messages';
  if (found.autoDelete) return 'it is an auto-delete queue, which the broker deletes after its last consumer';
  return undefined;
}

/** Returns the new queue with the settings that the policies of the queue have, if these are the same for both types. */
function renewed(found: TopologyQueue, wanted: WantedQueue) {
  const { policySettings } = found;
  const type = wanted.type ?? found.type;
  const isKnown = type === found.type && policySettings !== undefined;
  return { ...wanted, type, ...(isKnown && { policySettings }) };
}

function policyReason(found: TopologyQueue, wanted: WantedQueue, state: VhostState): string | undefined {
  const name = holdingName(found.name);
  const all = holdingArguments(found, wanted, state);
  const policy = removingPolicy({ name, type: String(all['x-queue-type']), arguments: all }, state);
  return policy === undefined ? undefined : removalText(policy, name);
}

/** Declares and deletes a queue with the new arguments, so that the broker refuses them before anything is deleted. */
async function probe(objects: ReplacedObjects, wanted: WantedQueue): Promise<void> {
  const name = probeName(wanted.name);
  await objects.deleteQueue(name);
  await objects.declareQueue({ ...wanted, name });
  await objects.deleteQueue(name);
}
