// Checks what must be true at the end of every run.

import type { History } from '../faults/history.ts';
import { mostPerMinute, verdictOf } from '../faults/verdict.ts';
import type { Plan } from './plan.ts';
import type { Simulation } from './simulation.ts';
import { isOfStream, streamName } from './streams/plan.ts';

/** Returns a line for each violation. */
export function violationsOf(simulation: Simulation): string[] {
  const { plan, history, roles, broker, replacement, stream, mover } = simulation;
  const ofReplacement = replacement?.violations() ?? [];
  readQueues(simulation, history);
  const ofStream = stream?.violations() ?? [];
  const { failures } = verdictOf(history, {
    duplicates:
      mostDuplicates(plan, broker.ends, replacement?.starts) +
      mostMovedAgain(plan, broker.ends + (mover?.interruptions ?? 0)) +
      roles.reduce((sum, role) => sum + role.mostHandedBack, 0),
    order: isOrdered(plan) && !roles.some(({ hasLateNack }) => hasLateNack),
    drops: plan.onFail === 'drop',
  });
  const mayRepeat = plan.onFail === 'requeue' || plan.onFail === 'exit' || mostPlannedRuns(plan) > mostPerMinute;
  return [
    ...failures.filter((failure) => !isExpected(failure, mayRepeat)),
    ...roles.flatMap(({ process, name }) => (process?.stderr.includes('[BUG]') ? [`${name}: ${process.stderr}`] : [])),
    ...needlessDrops(simulation),
    ...undeservedDeaths(plan, history),
    ...handledTwiceAtOnce(simulation),
    ...leftovers(simulation),
    ...ofReplacement,
    ...ofStream,
  ];
}

/** Replies of the broker to a client that breaks the rules of AMQP, such as an acknowledgement of an unknown tag. */
const misuse =
  /PRECONDITION_FAILED|(UNEXPECTED_FRAME|FRAME_ERROR|SYNTAX_ERROR|COMMAND_INVALID|CHANNEL_ERROR|NOT_ALLOWED)\b/;

/** Returns the first line of the stderr of a role that shows a violation of the protocol. */
export function misuseIn(stderr: string): string | undefined {
  return stderr.split('\n').find((line) => misuse.test(line));
}

/** Consumer tags of mq peek and mq dlq, which have a prefetch of their own (browser.ts). */
const tagOfBrowsers = /^mq-\d{9}$/;

/** Returns a violation if the consumer of a role has more unacknowledged messages than its prefetch allows. */
export function excessOf({ broker, plan, replacement }: Simulation): string | undefined {
  // mq apply moves messages with a prefetch of its own.
  if (replacement?.isRunning) return undefined;
  const most = Math.max(...plan.consumers.map(({ prefetch }) => prefetch));
  const mostOfStream = Math.max(0, ...(plan.stream?.readers.map(({ prefetch }) => prefetch) ?? []));
  // The exclusive queue of mq tap has a prefetch of its own, too (tap.ts).
  for (const vhost of broker.current?.vhosts.values() ?? [])
    for (const { consumers, owner, name } of vhost.queues.values()) {
      const allowed = name === streamName ? mostOfStream : most;
      for (const { unacked, tag } of consumers.all)
        if (owner === undefined && unacked > allowed && !tagOfBrowsers.test(tag))
          return `prefetch exceeded: ${unacked} unacknowledged messages, at most ${allowed} are allowed`;
    }
  return undefined;
}

/** Most dead letters that a queue sends before the first one is accepted (dead-letter-sender.ts). */
const deadLetterWindow = 32;

/** Most letters that an interrupted mq dlq replay leaves twice (retries-and-dead-letters.md). */
const replayWindow = 256;

/**
 * Each fault can repeat the messages that a sender has not confirmed, and those that a consumer has not acknowledged. Each
 * end of the broker can repeat delayed messages, which are dead-lettered at least once. A replay ends when it is interrupted.
 * Each run of mq apply can repeat the messages that arrive while it moves a binding.
 */
function mostDuplicates(plan: Plan, ends: number, replacements = 0): number {
  const { publishers, consumers, requesters = [], repliers = [], commands = [], faults } = plan;
  const windows = [...publishers, ...requesters].reduce((sum, { window }) => sum + window, 0);
  const prefetches = [...consumers, ...repliers].reduce(
    (sum, { prefetch, lanes }) => sum + prefetch * (lanes?.length ?? 1),
    0,
  );
  const messages = publishers.reduce((sum, one) => sum + one.messages.length, 0);
  const replays = commands.filter(({ command }) => command === 'dlq replay').length;
  const delayed = publishers
    .filter(({ delayMs }) => delayMs !== undefined)
    .reduce((sum, one) => sum + Math.min(deadLetterWindow, one.messages.length), 0);
  const replayed = faults.length > 0 ? replays * Math.min(replayWindow, messages) : 0;
  const repeated = replayed + delayed * ends + replacements * messages + mostRefusedReplies(plan);
  return (windows + prefetches) * (faults.length + ends) + repeated;
}

/** A message can be in the file and in the queue, and a replay can send it again, if one of the two was interrupted. */
function mostMovedAgain({ recording, faults }: Plan, interruptions: number): number {
  if (recording === undefined) return 0;
  const { messages, window } = recording.publisher;
  return messages.length * interruptions + (messages.length + window) * faults.length;
}

/** A refused reply fails the attempt after the effect of the handler. */
function mostRefusedReplies({ requesters = [], faults, onFail, attempts }: Plan): number {
  if (!faults.some(({ fault }) => refusing.has(fault))) return 0;
  const requests = requesters.reduce((sum, one) => sum + one.messages.length, 0);
  // A request that is requeued returns after 3 s.
  return requests * (onFail === 'retry' ? attempts : 20);
}

const refusing: ReadonlySet<string> = new Set([
  ...['publishes refused', 'enqueued publishes nacked'],
  ...['node in the minority', 'node in the minority closes its connections'],
]);

function isOrdered(plan: Plan): boolean {
  const { publishers, consumers, requesters, commands, replacement, lanes, recording } = plan;
  return (
    publishers.length === 1 &&
    publishers.every(({ delayMs }) => delayMs === undefined) &&
    consumers.length === 1 &&
    consumers.every(({ prefetch }) => prefetch === 1) &&
    requesters === undefined &&
    commands === undefined &&
    replacement === undefined &&
    recording === undefined &&
    lanes === undefined
  );
}

/** A message may be dropped only after a handler has failed. */
function needlessDrops({ history: { dropped, runs }, late }: Simulation): string[] {
  const failed = new Set(runs.filter(({ way }) => way !== 'ack').map(({ body }) => body));
  return dropped
    .filter((body) => !failed.has(body) && !late.has(body))
    .map((body) => `dropped, although its handler did not fail: ${body}`);
}

/**
 * Without faults, a message that no handler has received must not be in a dead-letter queue. The second look of mq peek
 * or mq record can use up an attempt (messages.md).
 */
function undeservedDeaths({ faults, commands = [] }: Plan, { deadLettered, runs }: History): string[] {
  const looks = commands.filter(({ command }) => command === 'peek' || command === 'record queue').length;
  if (faults.length > 0 || looks > 1) return [];
  const received = new Set(runs.map(({ body }) => body));
  return deadLettered.filter((body) => !received.has(body)).map((body) => `dead-lettered, but never received: ${body}`);
}

/** Commands that publish messages again. */
const publishesAgain: ReadonlySet<string> = new Set(['dlq replay']);

/** Faults after which a quorum queue delivers a message again on the same channel. */
const returning: ReadonlySet<string> = new Set(['leader changed', 'node in the minority']);

/**
 * A message that is delivered again to a process whose handler still runs waits for the outcome of this handler
 * (reconnecting.md). A publisher that has connected again can have sent several copies, each of which is handled.
 */
function handledTwiceAtOnce({ plan, overlaps, roles }: Simulation): string[] {
  const { commands = [], recording, replacement, faults, queueType } = plan;
  // A handler can reach its time limit while its process is frozen.
  const hasCopies = commands.some(({ command }) => publishesAgain.has(command)) || recording || replacement;
  const isRepeating = ({ fault }: { readonly fault: string }) =>
    fault === 'role frozen' || (queueType === 'quorum' && returning.has(fault));
  if (hasCopies || faults.some(isRepeating)) return [];
  return overlaps.bodies
    .filter((body) => roles.some((role) => role.hasSent(body) && !role.hasConnectedAgain))
    .map((body) => `handled twice at the same time in one process: ${body}`);
}

/** Nothing may be left when all roles have ended and all queues are empty. */
function leftovers({ broker: { current } }: Simulation): string[] {
  if (current === undefined) return [];
  const { connections, memory, vhosts } = current;
  const consumers = [...vhosts.values()].flatMap((vhost) =>
    [...vhost.queues.values()].filter(({ consumerCount }) => consumerCount > 0),
  );
  return [
    ...(connections.size > 0 ? [`the broker has ${connections.size} connections after the end of all roles`] : []),
    ...consumers.map(({ name }) => `the queue ${name} has consumers after the end of all roles`),
    ...(memory.usedBytes !== 0 ? [`the broker counts ${memory.usedBytes} bytes of messages in empty queues`] : []),
  ];
}

/** Each replay repeats the attempts of a message. A message whose batch has failed is handled again alone. */
function mostPlannedRuns({ attempts, commands = [], consumers }: Plan): number {
  const replays = commands.filter(({ command }) => command === 'dlq replay').length;
  const isBatch = consumers.some(({ batch = 1 }) => batch > 1);
  return attempts * (isBatch ? 2 : 1) * (1 + replays);
}

function isExpected(failure: string, mayRepeat: boolean): boolean {
  // All messages of a plan may be poison.
  if (failure === 'no message was handled') return true;
  return mayRepeat && failure.includes('times within a minute');
}

/** The members of a queue of the embedded broker that this file uses. */
interface Queue {
  /** RabbitMQ refuses basic.get on a quorum queue with a single active consumer. */
  settings?: { readonly isSingleActive: boolean };
  get(
    noAck: boolean,
  ): { entry: { message: { content: Buffer; propertiesLength: number; more: Buffer[] } } } | undefined;
}

/** Records the messages that are left in the queues. Those of the stream stay in it. */
function readQueues({ broker, stream }: Simulation, history: History): void {
  for (const vhost of broker.current?.vhosts.values() ?? [])
    for (const queue of vhost.queues.values()) {
      if (queue.name === streamName) continue;
      const isLetter = queue.name.endsWith('.dead');
      const all = isOfStream(queue.name) ? stream?.history : history;
      // The message in the queue of an offset is the offset.
      const list = isLetter ? all?.deadLettered : isOfStream(queue.name) ? [] : history.drained;
      for (const body of bodiesIn(queue as unknown as Queue)) list?.push(body);
    }
}

/** Removes all messages of a queue, and returns their bodies. */
function bodiesIn(queue: Queue): string[] {
  const bodies: string[] = [];
  if (queue.settings) queue.settings = { ...queue.settings, isSingleActive: false };
  for (let taken = queue.get(true); taken !== undefined; taken = queue.get(true)) {
    const { content, propertiesLength, more } = taken.entry.message;
    bodies.push(Buffer.concat([content.subarray(propertiesLength), ...more]).toString());
  }
  return bodies;
}
