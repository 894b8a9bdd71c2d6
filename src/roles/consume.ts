// The behaviours `consume` and `reply`: opens the consumers and publishers that they need, and runs the intake of
// messages.

import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { retryQueues } from '../config/retry-queues.ts';
import type { HandlerConfig } from '../config/role.ts';
import type { Context } from '../context.ts';
import { checkedHandler } from '../contracts/checked-handler.ts';
import type { Message } from '../handlers/handler.ts';
import type { Delivery } from '../session/consumer.ts';
import type { Publisher } from '../session/publisher.ts';
import type { Session } from '../session/session.ts';
import { orDrain } from '../signal.ts';
import { Printer } from '../terminal/printer.ts';
import { Failures } from './consuming/failures.ts';
import { Intake, type IntakeParts } from './consuming/intake.ts';
import { IntakeGroup } from './consuming/intake-group.ts';
import { assertNative } from './consuming/native-retry.ts';
import { Retries } from './consuming/retries.ts';
import type { ConsumeSettings, Source } from './consuming/settings.ts';
import { forgedCounters, isLastReturn, isNearlyDropped, isStream, type WorkQueue } from './consuming/work-queue.ts';
import { messageOf } from './message.ts';
import type { OffsetStore } from './offsets/offset-record.ts';
import { messageIds } from './outgoing.ts';

/** Resolves at a normal end (count, idle, empty, signal, closed pipe). Throws the error that ended it otherwise. */
export async function consume(context: Context, session: Session, settings: ConsumeSettings): Promise<void> {
  const group = new IntakeGroup({ context, settings, counts: session.counts });
  const shared = { group, printer: new Printer(context.stdout, settings.delimiter), nextId: messageIds() };
  const intakes: Intake[] = [];
  const stores: OffsetStore[] = [];
  session.counts.neededConsumers = settings.sources.length;
  for (const source of settings.sources) {
    const intake = await openIntake(source, { context, session, settings, shared, stores });
    if (!intake) return;
    intakes.push(intake);
  }
  // The first messages wait for the start of the role. V8 concludes that all messages live long, and would allocate them
  // in the old generation, where each dead one keeps the younger objects that it refers to. V8 rejects the code cache of
  // scripts that are loaded after this call, because the cache was made with other flags.
  setFlagsFromString('--no-allocation-site-pretenuring');
  await group.run(intakes, () => Promise.all(stores.map((store) => store.close())));
}

interface Opening {
  readonly context: Context;
  readonly session: Session;
  readonly settings: ConsumeSettings;
  readonly shared: Pick<IntakeParts, 'group' | 'printer' | 'nextId'>;
  /** Receives the stores of offsets that are opened. */
  readonly stores: OffsetStore[];
}

/** Opens the consumer of a subscription. Returns `undefined` after a signal. */
async function openIntake(source: Source, opening: Opening): Promise<Intake | undefined> {
  const { context, session, settings, shared } = opening;
  const opened = await orDrain(openConsumer(source, opening), context);
  if (!opened) return undefined;
  const { consumer, tracer } = opened.value;
  const { counts } = session;
  const { say, maxBody, canFail } = settings;
  const queue: WorkQueue = {
    declared: consumer.declaredArguments,
    isOwn: consumer.hasOwnQueue,
    get server() {
      return consumer.server;
    },
  };
  const workQueue = () => queue;
  const retries = retriesFor(source, { session, settings, shared, ...opened.value, workQueue });
  let publisher: Publisher | undefined;
  if (canFail || settings.behaviour === 'reply') {
    const ready = await orDrain(retries.open(), context);
    if (!ready) return undefined;
    publisher = ready.value;
  }
  const { stopped: drain } = shared.group;
  const failures = new Failures({ retries, config: source.retry, canFail, maxBody, workQueue, counts, say, drain });
  const read = ({ raw, queue: from }: Delivery) => messageOf(raw, from, forgedCounters(workQueue(), raw.fields));
  const returns = {
    isNearlyDropped: ({ headers }: Message) => isNearlyDropped(workQueue(), headers),
    isLastReturn: ({ headers }: Message) => isLastReturn(workQueue(), headers),
  };
  const replies = settings.behaviour === 'reply';
  const handler = source.contract ? checkedHandler(settings.handler, source.contract, { replies }) : settings.handler;
  const parts = { ...shared, ...returns, context, consumer, publisher, failures, tracer, counts, read };
  return new Intake({ ...parts, settings: { ...settings, handler } });
}

/** Opens the consumer of a subscription, and the store of its offset if one is configured. */
async function openConsumer({ subscription }: Source, opening: Opening): Promise<OpenedConsumer> {
  const { session, settings } = opening;
  const { offsets, untilEmpty, bindingKeys } = settings;
  const opened = await session.consumer(subscription, {
    prefetch: settings.prefetch,
    timeoutMs: longestUnackedMs(settings),
    stream: {
      offset: offsets.start,
      readsToEnd: untilEmpty,
      isKept: offsets.file !== undefined || offsets.name !== undefined,
    },
    ...(bindingKeys && { bindingKeys }),
  });
  await keepOffset(opened, opening);
  return opened;
}

/** Opens the store of the offset, and lets the consumer continue after the stored offset. */
async function keepOffset({ consumer, vhost }: OpenedConsumer, opening: Opening): Promise<void> {
  const { context, session, settings, shared, stores } = opening;
  const { file, name } = settings.offsets;
  if (file === undefined && name === undefined) return;
  const { openOffsetStore } = await import('./offsets/open.ts');
  const store = await openOffsetStore(session, {
    ...{ file: file && resolve(context.cwd, file), name: name ?? '' },
    stream: { vhost, queue: consumer.queue },
    nextId: shared.nextId,
    drain: shared.group.stopped,
    abandon: context.abandon,
    onError: (error) => shared.group.fail(error),
  });
  stores.push(store);
  consumer.keepOffset(store.stored, {
    onHandled: (offset) => store.save(offset),
    onRemoved: (count) => {
      const message = `${count} messages after offset ${store.stored} are missing: retention has removed them unread`;
      settings.say({ level: 'warn', event: 'removed', message, fields: { queue: consumer.queue, count } });
    },
  });
}

type OpenedConsumer = Awaited<ReturnType<Session['consumer']>>;

interface RetriesOpening extends Omit<Opening, 'context' | 'stores'>, OpenedConsumer {
  readonly workQueue: () => WorkQueue;
}

/** Returns the publisher of failed messages, which is not connected yet. */
function retriesFor(
  { retry: config, queue }: Source,
  { session, settings, shared, consumer, vhost, workQueue }: RetriesOpening,
): Retries {
  return new Retries({
    queue: () => consumer.queue,
    hasOwnQueue: consumer.hasOwnQueue,
    isStream: ({ headers }) => isStream(workQueue(), headers),
    config,
    nextId: shared.nextId,
    counts: session.counts,
    say: settings.say,
    // This signal also aborts if the role ends without a signal from outside, so that its pauses end early.
    drain: shared.group.stopped,
    connect: (onChannel) => {
      const isOfStream = { isStream: isStream(workQueue(), {}) };
      const names = (work: string) => retryQueues(work, config, isOfStream).map(({ name }) => name);
      return session.outcomePublisher(vhost, {
        onChannel: async (channel) => {
          const server = channel.connection.serverProperties ?? {};
          if (config.native === true) assertNative({ ...workQueue(), server }, consumer.queue, config.attempts);
          await onChannel(channel);
        },
        queues: names(queue),
        dead: config.deadLetter || undefined,
        // The names of the wait queues of an exclusive queue contain its random name, so they change. The permission
        // pattern that allows the queue also allows them.
        later: (settings.canFail || !session.declares) && !consumer.hasOwnQueue ? names(consumer.queue) : [],
      });
    },
  });
}

/**
 * Returns the longest time in milliseconds that a message can be unacknowledged: its wait, its handler, and a reserve
 * of one minute.
 */
function longestUnackedMs({ handlerMs, prefetch, concurrency, sources }: ConsumeSettings): number | undefined {
  if (handlerMs === undefined) return undefined;
  return Math.ceil(Math.max(prefetch * sources.length, concurrency) / concurrency) * handlerMs + 60_000;
}

/** Returns `true` if the handler can return an outcome other than `ack`. */
export function canFail(handler: HandlerConfig | { file: string }): boolean {
  return !('file' in handler) && (!('builtin' in handler) || handler.builtin === 'work');
}
