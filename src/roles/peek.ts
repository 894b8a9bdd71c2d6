// The behaviour of mq peek: prints messages of a queue and leaves them there, in their order.

import type { StreamOffset } from '../config/stream-offset.ts';
import type { Context } from '../context.ts';
import type { QueueReader, QueueType, Republisher, Session } from '../session/session.ts';
import type { RawMessage } from '../session/wire.ts';
import { endedOrAborted, interrupted } from '../signal.ts';
import { isClosedPipe } from '../terminal/printer.ts';
import { Renewal } from './dead-letters/renewal.ts';
import { messageIds } from './outgoing.ts';
import { countsReturns, DeliveryLimit, effectiveLimit, type LimitSource } from './peeking/delivery-limit.ts';
import { peekPrinter } from './peeking/printer.ts';
import type { Looks } from './rows.ts';
import { isSelected, messageFacts } from './selection.ts';

export { countsReturns, DeliveryLimit, effectiveLimit, type LimitSource };

export interface PeekSettings extends Looks {
  readonly vhost: string;
  /** The broker's name of the queue. */
  readonly queue: string;
  /** Maximum number of messages to print. */
  readonly count: number;
  /** Position in a stream. `undefined` means the start. */
  readonly offset: StreamOffset | undefined;
  /** Filters as those of mq dlq. */
  readonly filters: readonly string[];
  /** Reads the delivery limit of a quorum queue. `isNeeded` waits for it if the broker has only created the queue. */
  readonly readLimit: (isNeeded: boolean) => Promise<LimitSource>;
  /** Throws the error for a position in a queue that is not a stream. */
  readonly refuseOffset: (type: string) => never;
  readonly note: (text: string) => void;
}

export async function peek(context: Context, session: Session, settings: PeekSettings): Promise<void> {
  const { queue, count } = settings;
  const opened = await openPeek(session, settings);
  const printer = peekPrinter(context.stdout, { ...settings, isStream: opened.type === 'stream' });
  let shown = 0;
  const show = async (raw: RawMessage) => {
    shown += 1;
    await printer.line({ raw, queue });
  };
  const parts = { context, session, settings, ...opened, show, isEnough: () => shown >= count };
  try {
    if (count > 0) await readPeeked(parts);
    await printer.end();
  } catch (error) {
    if (isClosedPipe(error)) return;
    if (shown > 0) await printer.end().catch(() => undefined);
    throw error;
  }
}

type PeekSource = Omit<PeekSettings, keyof Looks>;

interface OpenedPeek {
  readonly reader: QueueReader;
  readonly type: QueueType;
}

/** Connects to the queue. Throws if it does not exist, or if a position is given and it is not a stream. */
export async function openPeek(
  session: Session,
  { vhost, queue, offset, refuseOffset }: PeekSource,
): Promise<OpenedPeek> {
  const reader = await session.queueReader(vhost, queue);
  const type = await reader.type();
  if (offset !== undefined && type !== 'stream') refuseOffset(type);
  return { reader, type };
}

/** Calls `show` with the selected messages, and leaves all of them in the queue. */
export function readPeeked(parts: PeekParts): Promise<void> {
  const { filters } = parts.settings;
  const show = async (raw: RawMessage) => {
    if (isSelected(raw, { ids: [], filters, count: undefined }, messageFacts)) await parts.show(raw);
  };
  return (parts.type === 'stream' ? peekStream : peekQueue)({ ...parts, show });
}

interface PeekParts extends OpenedPeek {
  readonly context: Context;
  readonly session: Session;
  readonly settings: PeekSource;
  readonly show: (raw: RawMessage) => Promise<void>;
  readonly isEnough: () => boolean;
}

async function peekStream({ context, settings, reader, show, isEnough }: PeekParts): Promise<void> {
  const { offset = 'first', count, filters } = settings;
  const stream = await reader.stream(offset, filters.length > 0 ? Number.POSITIVE_INFINITY : count);
  try {
    for await (const raw of stream.messages()) {
      if (context.drain.aborted) throw interrupted(context, 'a stream keeps its messages');
      await endedOrAborted(show(raw), context.drain);
      if (isEnough()) return;
    }
  } finally {
    await stream.close();
  }
}

async function peekQueue({ context, session, settings, reader, type, show, isEnough }: PeekParts): Promise<void> {
  const { vhost, queue, count, filters, note } = settings;
  const { consumers, server } = reader.facts;
  const limit =
    type === 'quorum'
      ? new DeliveryLimit(await settings.readLimit(countsReturns(server)), { queue, server })
      : undefined;
  limit?.refuseBefore();
  if (consumers > 0)
    note(
      `the queue has ${consumers === 1 ? 'a consumer' : `${consumers} consumers`}: until mq returns the messages that it reads, others receive later ones`,
    );
  const open = async () =>
    (await session.outcomePublisher(vhost, { onChannel: async () => {}, queues: [], dead: undefined })).publisher;
  const renewal = new Renewal({
    ...{ queue, declared: limit?.declared, open, nextId: messageIds(), mostReturns: Number.POSITIVE_INFINITY },
  });
  const republisher: Republisher = {
    isNeeded: (raw, at) => limit !== undefined && raw.fields.redelivered && renewal.isNeeded(raw, at),
    republish: (message) => renewal.republish(message),
  };
  const browser = await reader.browse(republisher, filters.length > 0 ? undefined : count);
  const warning = markWarning(type, server);
  if (warning !== undefined && browser.total > 0) note(warning);
  try {
    for await (const message of browser.messages()) {
      message.leave();
      if (context.drain.aborted) throw interrupted(context, 'the messages are in the queue');
      limit?.refuse(message.raw);
      await endedOrAborted(show(message.raw), context.drain);
      if (isEnough()) return;
    }
  } finally {
    await browser.close();
    context.stderr.write(renewal.report());
  }
}

/** Returns a warning if returned messages have a mark that a worker may count as a failed attempt. */
function markWarning(type: QueueType, server: QueueReader['facts']['server']): string | undefined {
  if (type === 'classic')
    return 'a classic queue marks these messages as redelivered; mq workers count the second mark of a message as an attempt';
  return countsReturns(server)
    ? `RabbitMQ ${String(server['version'])} counts a failed delivery of these messages; mq workers count it as an attempt`
    : undefined;
}
