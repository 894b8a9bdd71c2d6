// The conditions of a node. The faults set them, and its channels act on them.

import type { Method } from '../../../src/broker/codec/methods.ts';

export type QueueType = 'classic' | 'quorum';

export interface Minority {
  /** `true` if queue.declare reports no messages and no consumers, because the leader of each queue is on another node. */
  readonly reportsEmpty: boolean;
}

interface LateConfirms {
  readonly minMs: number;
  readonly maxMs: number;
  /** `true` confirms in any order. RabbitMQ confirms the publishes to a quorum queue when they are committed. */
  readonly isShuffled: boolean;
}

export interface Conditions {
  /** Set while the node is cut off from the other nodes. */
  minority: Minority | undefined;
  /** True during a memory alarm. */
  isAlarmed: boolean;
  lateConfirms: LateConfirms | undefined;
  /** Number of publishes that the node will refuse with a nack, as a full queue does. */
  refusals: number;
  /** Number of publishes that the node will enqueue and nack, as at the crash of one of two queues. */
  nacks: number;
}

export function normalConditions(): Conditions {
  return { minority: undefined, isAlarmed: false, lateConfirms: undefined, refusals: 0, nacks: 0 };
}

/** Commands that a node in the minority answers itself, because they need no other node. */
const local = ['channel.open', 'channel.close', 'channel.close-ok', 'channel.flow', 'basic.qos', 'confirm.select'];
const asynchronous = ['basic.publish', 'basic.ack', 'basic.nack', 'basic.reject'];

/**
 * Returns what a node in the minority does with a command of a client (decision 6, table). `waits` keeps the command, and
 * `blocks` also keeps the later commands of the channel, because its process waits for an answer.
 */
export function inMinority(method: Method, exists: (name: string) => boolean): 'passes' | 'waits' | 'blocks' {
  if (asynchronous.includes(method.name)) return 'waits';
  if (local.includes(method.name)) return 'passes';
  if (method.name === 'queue.declare') return passesIf(method.fields.passive || exists(method.fields.queue));
  if (method.name === 'exchange.declare') return passesIf(method.fields.passive || exists(method.fields.exchange));
  return 'blocks';
}

function passesIf(isLocal: boolean): 'passes' | 'blocks' {
  return isLocal ? 'passes' : 'blocks';
}
