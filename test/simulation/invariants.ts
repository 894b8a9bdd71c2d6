// Checks what must be true in every run.

import type { History } from '../faults/history.ts';
import { verdictOf } from '../faults/verdict.ts';
import type { Simulation } from './simulation.ts';

/** Returns a line for each violation. */
export function violationsOf(simulation: Simulation): string[] {
  const { plan, history, roles, broker } = simulation;
  readQueues(simulation, history);
  const consumers = plan.consumers.reduce((sum, { prefetch }) => sum + prefetch, 0);
  const windows = plan.publishers.reduce((sum, { window }) => sum + window, 0);
  const isOrdered =
    plan.publishers.length === 1 &&
    plan.consumers.length === 1 &&
    plan.consumers.every(({ prefetch }) => prefetch === 1);
  const { failures } = verdictOf(history, {
    duplicates: (windows + consumers) * (plan.faults.length + broker.ends),
    order: isOrdered,
    drops: false,
  });
  const isRequeue = plan.onFail === 'requeue';
  return [
    ...failures.filter((failure) => !isExpected(failure, isRequeue)),
    ...roles.flatMap(({ process, name }) => (process?.stderr.includes('[BUG]') ? [`${name}: ${process.stderr}`] : [])),
  ];
}

/** Replies of the broker to a client that breaks the rules of AMQP, such as an acknowledgement of an unknown tag. */
const misuse =
  /PRECONDITION_FAILED|(UNEXPECTED_FRAME|FRAME_ERROR|SYNTAX_ERROR|COMMAND_INVALID|CHANNEL_ERROR|NOT_ALLOWED)\b/;

/** Returns the first line of the stderr of a role that shows a violation of the protocol. */
export function misuseIn(stderr: string): string | undefined {
  return stderr.split('\n').find((line) => misuse.test(line));
}

/** Returns a violation if a consumer has more unacknowledged messages than its prefetch allows. */
export function excessOf({ broker, plan }: Simulation): string | undefined {
  const most = Math.max(...plan.consumers.map(({ prefetch }) => prefetch));
  for (const vhost of broker.current?.vhosts.values() ?? [])
    for (const { consumers } of vhost.queues.values())
      for (const { unacked } of consumers.all)
        if (unacked > most) return `prefetch exceeded: ${unacked} unacknowledged messages, at most ${most} are allowed`;
  return undefined;
}

function isExpected(failure: string, isRequeue: boolean): boolean {
  // All messages of a plan may be poison.
  if (failure === 'no message was handled') return true;
  return isRequeue && failure.includes('times within a minute');
}

/** Records the messages that are left in the queues. */
function readQueues({ broker }: Simulation, history: History): void {
  for (const vhost of broker.current?.vhosts.values() ?? [])
    for (const queue of vhost.queues.values()) {
      const list = queue.name.endsWith('.dead') ? history.deadLettered : history.drained;
      for (const body of bodiesIn(queue)) list.push(body);
    }
}

function bodiesIn(queue: { get?: unknown; name: string }): string[] {
  const bodies: string[] = [];
  const taker = queue as unknown as {
    get(
      noAck: boolean,
    ): { entry: { message: { content: Buffer; propertiesLength: number; more: Buffer[] } } } | undefined;
  };
  for (let taken = taker.get(true); taken !== undefined; taken = taker.get(true)) {
    const { content, propertiesLength, more } = taken.entry.message;
    bodies.push(Buffer.concat([content.subarray(propertiesLength), ...more]).toString());
  }
  return bodies;
}
