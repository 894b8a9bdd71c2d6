// Opens the consumers of a benchmark, and refuses queues of the user that it must not use.

import { MqError } from '../errors.ts';
import type { Consumer } from '../session/consumer.ts';
import type { Session } from '../session/session.ts';
import { type Load, ofTurn } from './load.ts';

/** Throws if the broker could drop a message of the user's queue that is returned to it. */
export type RefuseReturns = (queue: { readonly consumer: Consumer; readonly vhost: string }) => Promise<void>;

interface ConsumersParts {
  readonly session: Session;
  readonly load: Load;
  readonly refuseReturns: RefuseReturns;
}

/** Returns the consumers, which are not started yet. Throws if the queue of the user must not be used. */
export async function openConsumers({ session, load, refuseReturns }: ConsumersParts): Promise<Consumer[]> {
  const consumers: Consumer[] = [];
  for (let index = 0; index < load.consumers; index += 1) {
    const name = ofTurn(load.subscriptions, index);
    const { consumer, vhost } = await session.consumer(name, { prefetch: load.prefetch });
    const isNamed = index === 0 && load.ownQueues.length === 0;
    if (isNamed && !load.acceptsAll) await refuseUsed(session, vhost, consumer.queue);
    if (isNamed && mayReturn(load)) await refuseReturns({ consumer, vhost });
    consumers.push(consumer);
  }
  return consumers;
}

/** Reports whether messages of the user may be returned: those that are not of the benchmark, or that follow `--count`. */
function mayReturn({ acceptsAll, count }: Load): boolean {
  return !acceptsAll || count !== undefined;
}

/** Throws IN_USE if a queue has messages, or consumers that would receive the messages of the benchmark. */
async function refuseUsed(session: Session, vhost: string, queue: string): Promise<void> {
  const observer = await session.observer(vhost);
  const { ready = 0, consumers = 0 } = (await observer.depths([queue])).get(queue) ?? {};
  if (ready === 0 && consumers === 0) return;
  const found = ready > 0 ? `messages (${ready})` : `consumers (${consumers})`;
  throw new MqError('IN_USE', `the queue '${queue}' has ${found}, and the benchmark needs it alone`, {
    hint: 'without a name, mq bench uses a queue of its own',
  });
}
