// The behaviours `consume` and `reply`: opens what they need at the broker, and runs the intake of messages.

import type { HandlerConfig } from '../config/config.ts';
import { retryQueues } from '../config/retry-queues.ts';
import type { Context } from '../context.ts';
import type { Message } from '../handlers/handler.ts';
import type { Publisher } from '../session/publisher.ts';
import type { Session } from '../session/session.ts';
import type { ConsumeSettings } from './consume-settings.ts';
import { Failures } from './failures.ts';
import { Intake } from './intake.ts';
import { messageIds } from './outgoing.ts';
import { Retries } from './retries.ts';
import { orDrain } from './signal.ts';
import { isNearlyDropped, isStream, type WorkQueue } from './work-queue.ts';

/** Resolves at the orderly end (count, idle, empty, signal, closed pipe); throws what ended it otherwise. */
export async function consume(context: Context, session: Session, settings: ConsumeSettings): Promise<void> {
  const opening = session.consumer(settings.subscription, {
    prefetch: settings.prefetch,
    timeoutMs: mostInHandMs(settings),
    ...(settings.bindingKeys && { bindingKeys: settings.bindingKeys }),
  });
  const opened = await orDrain(opening, context);
  if (!opened) return;
  const { consumer, vhost } = opened.value;
  const nextId = messageIds();
  const { counts } = session;
  const { drain } = context;
  const { say, retry: config, maxBody, canFail } = settings;
  const workQueue = (): WorkQueue => ({
    declared: consumer.declaredArguments,
    isOwn: consumer.hasOwnQueue,
    server: consumer.server,
  });
  const retries = new Retries({
    queue: () => consumer.queue,
    isOwn: consumer.hasOwnQueue,
    isStream: ({ headers }) => isStream(workQueue(), headers),
    config,
    nextId,
    counts,
    say,
    drain,
    connect: (onChannel) => {
      const { deadLetter } = config;
      const isOfStream = { isStream: isStream(workQueue(), {}) };
      const names = (queue: string) => retryQueues(queue, config, isOfStream).map(({ name }) => name);
      return session.outcomePublisher(vhost, {
        onChannel,
        queues: names(settings.queue),
        dead: deadLetter || undefined,
        // Queues of an exclusive queue have its random name: the pattern that permits it permits them.
        later: canFail && !consumer.hasOwnQueue ? names(consumer.queue) : [],
      });
    },
  });
  let publisher: Publisher | undefined;
  if (canFail || settings.behaviour === 'reply') {
    const ready = await orDrain(retries.open(), context);
    if (!ready) return;
    publisher = ready.value;
  }
  const failures = new Failures({ retries, config, canFail, maxBody, workQueue, counts, say, drain });
  const isDoomed = ({ headers }: Message) => isNearlyDropped(workQueue(), headers);
  const intake = new Intake({ context, consumer, publisher, failures, nextId, settings, counts, isDoomed });
  await intake.run();
}

/** A message waits for those before it; what follows its handler (the end of a process, a confirm) takes a minute at most. */
function mostInHandMs({ handlerMs, prefetch, concurrency }: ConsumeSettings): number | undefined {
  return handlerMs === undefined ? undefined : Math.ceil(prefetch / concurrency) * handlerMs + 60_000;
}

/** True if the handler's outcome can be other than ack. */
export function canFail(handler: HandlerConfig | { file: string }): boolean {
  return !('file' in handler) && (!('builtin' in handler) || handler.builtin === 'work');
}
