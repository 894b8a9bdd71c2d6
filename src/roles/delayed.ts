// Lists and cancels delayed messages. It reads the wait queues from the longest wait to the shortest one, because a message
// moves only in this direction and is not missed while it moves.

import type { WaitingPlace } from '../delay/configured.ts';
import { readDelayKey } from '../delay/objects.ts';
import { MqError } from '../errors.ts';
import type { Observer } from '../session/observer.ts';
import type { Browser, Session } from '../session/session.ts';
import type { RawMessage } from '../session/wire.ts';
import { dueHeader } from './delay.ts';

export interface DelayedMessage {
  readonly id: string | undefined;
  /** Milliseconds since 1970, as the sender has written them. */
  readonly due: number | undefined;
  readonly state: 'waiting' | 'unroutable';
  readonly exchange: string;
  readonly routingKey: string;
  readonly bytes: number;
  readonly vhost: string;
  /** The queue in which it waits. */
  readonly queue: string;
}

interface Reads {
  /** Reports whether a message is selected. */
  readonly isSelected: (message: DelayedMessage) => boolean;
  /** Throws if the user has stopped the command. */
  readonly check: () => void;
}

/**
 * Returns the delayed messages in the order in which they are due, and how many messages were not read because a queue has more
 * than `count`. All of them stay in their queues.
 */
export async function listDelayed(
  session: Session,
  queues: readonly WaitingPlace[],
  { count, isSelected, check }: Reads & { readonly count: number },
): Promise<{ messages: DelayedMessage[]; unread: number }> {
  const found = new Map<string, DelayedMessage>();
  let unread = 0;
  const read = async (browser: Browser, queue: WaitingPlace, ready: number) => {
    const alike = new Map<string, number>();
    for await (const { raw, leave } of browser.messages()) {
      leave();
      check();
      const message = delayedMessage(raw, queue);
      if (!isSelected(message)) continue;
      const { id, due, vhost, exchange, routingKey } = message;
      const identity = JSON.stringify([id, due, vhost, exchange, routingKey]);
      const number = (alike.get(identity) ?? 0) + 1;
      alike.set(identity, number);
      // A message that has moved in between is found in two queues. Several in one queue are different messages.
      found.set(`${number} ${identity}`, message);
    }
    unread += Math.max(0, ready - count);
  };
  await browse(session, queues, { read, check, most: count });
  const messages = [...found.values()].toSorted((one, other) => (one.due ?? 0) - (other.due ?? 0));
  return { messages, unread };
}

/**
 * Removes the selected messages with these ids, and returns the ids of the removed messages. Reads the queues again after a
 * removal, so that a message is reported only if it is gone.
 * @throws MqError IN_DOUBT if a message is still there after several removals, because the connection was lost each time
 */
export async function cancelDelayed(
  session: Session,
  queues: readonly WaitingPlace[],
  settings: Reads & { readonly ids: ReadonlySet<string> },
): Promise<Set<string>> {
  const cancelled = new Set<string>();
  for (let pass = 0; pass < mostPasses; pass += 1) {
    const removed = await removeOnce(session, queues, settings);
    for (const id of removed) cancelled.add(id);
    if (removed.size === 0) return cancelled;
  }
  throw new MqError('IN_DOUBT', 'the broker returned a cancelled message each time', { hint: 'run the command again' });
}

const mostPasses = 4;

async function removeOnce(
  session: Session,
  queues: readonly WaitingPlace[],
  { ids, isSelected, check }: Reads & { readonly ids: ReadonlySet<string> },
): Promise<Set<string>> {
  const removed = new Set<string>();
  const read = async (browser: Browser, queue: WaitingPlace) => {
    for await (const message of browser.messages()) {
      const { messageId } = message.raw.properties;
      if (messageId === undefined || !ids.has(messageId) || !isSelected(delayedMessage(message.raw, queue)))
        message.leave();
      else {
        // The broker cannot deliver the message in the meantime, because it is unacknowledged.
        message.remove();
        removed.add(messageId);
      }
      check();
    }
  };
  await browse(session, queues, { read, check });
  return removed;
}

interface Reading extends Pick<Reads, 'check'> {
  /** `ready` is the number of messages of the queue. */
  readonly read: (browser: Browser, queue: WaitingPlace, ready: number) => Promise<void>;
  readonly most?: number;
}

/** Reads at most `most` messages of each queue, one queue after the other, and returns what was not removed. */
async function browse(
  session: Session,
  queues: readonly WaitingPlace[],
  { read, check, most }: Reading,
): Promise<void> {
  const observers = new Map<string, Observer>();
  for (const queue of queues) {
    const { vhost, name } = queue;
    // Most of the many wait queues are empty, so a signal would otherwise have no effect until the last one.
    check();
    const observer = observers.get(vhost) ?? (await session.observer(vhost));
    observers.set(vhost, observer);
    // The depth is read here, because messages of the queues before may have moved to this one.
    const { ready = 0 } = (await observer.depths([name])).get(name) ?? {};
    if (ready === 0) continue;
    const browser = await (await session.queueReader(vhost, name)).browse(keepsAll, most);
    try {
      await read(browser, queue, ready);
    } finally {
      await browser.close();
    }
  }
}

/** The queues have no delivery limit, so the broker drops no message that was returned. */
const keepsAll = { isNeeded: () => false, republish: async () => undefined };

function delayedMessage({ content, fields, properties }: RawMessage, queue: WaitingPlace): DelayedMessage {
  const { headers = {}, messageId } = properties;
  const due = headers[dueHeader];
  const to = queue.destination ?? readDelayKey(fields.routingKey)?.destination;
  return {
    id: messageId,
    due: typeof due === 'number' ? due : undefined,
    state: queue.isUnroutable ? 'unroutable' : 'waiting',
    exchange: to?.exchange ?? fields.exchange,
    routingKey: to?.routingKey ?? fields.routingKey,
    bytes: content.length,
    vhost: queue.vhost,
    queue: queue.name,
  };
}
