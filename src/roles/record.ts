// Records messages to a file: those of a queue, which keeps or loses them, or copies of what exchanges route. A message
// is removed from its queue only when it is on disk.

import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import type { Session } from '../session/session.ts';
import type { RawMessage } from '../session/wire.ts';
import { time } from '../time.ts';
import { openLetters } from './dead-letters/letters.ts';
import { openPeek, type PeekSettings, readPeeked } from './peek.ts';
import { RecordingWriter } from './recording/writer.ts';
import type { Looks } from './rows.ts';

export interface RecordSettings {
  /** '-' is stdout. */
  readonly path: string;
  /** Maximum number of messages. */
  readonly count: number;
  /** Aborts when the recording should end. */
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** A message to record. */
interface Source {
  readonly raw: RawMessage;
  /** Time of the arrival, in milliseconds since 1970. Default now. */
  readonly time?: number;
  /** Called once, when the message is on disk, or when it could not be written. */
  remove?(): void;
  leave?(): void;
}

/** Copies of live messages. */
interface LiveMessages {
  /** Description of what is recorded. */
  readonly names: string;
  messages(): AsyncGenerator<Source>;
  readonly missed: { readonly count: number };
  stop(): void;
  close(): Promise<void>;
}

interface QueuePlace {
  readonly vhost: string;
  /** The broker's name. */
  readonly queue: string;
}

/** Records copies until the count, or until `signal` aborts. A lost connection ends the recording with an error. */
export async function recordLive(context: Context, live: LiveMessages, settings: RecordSettings): Promise<void> {
  const { signal, note } = settings;
  const stop = () => live.stop();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= live.close();
    return closing;
  };
  try {
    await withGroup(context, { ...settings, source: live.names }, async (group) => {
      context.announceReady?.();
      note(`waiting for messages from ${live.names}`);
      try {
        await readAll(live.messages(), group, settings);
      } finally {
        await close();
        group.missed = live.missed.count;
      }
    });
    if (live.missed.count > 0)
      note(`${countText(live.missed.count)} missed, because the file is slower than the broker`);
  } finally {
    signal.removeEventListener('abort', stop);
    await close();
  }
}

/** Records the messages that are ready at the start, and removes each from the queue when it is on disk. */
export async function recordAndRemove(
  context: Context,
  session: Session,
  settings: RecordSettings & QueuePlace,
): Promise<void> {
  const { vhost, queue } = settings;
  if ((await (await session.queueReader(vhost, queue)).type()) === 'stream')
    throw new MqError('TOPOLOGY', `'${queue}' is a stream, which keeps its messages`, {
      hint: 'record it without --remove',
    });
  const browser = await openLetters(context, session, {
    vhost,
    queue,
    work: undefined,
    declared: undefined,
    verb: 'move',
  });
  try {
    await withGroup(context, { ...settings, source: `queue ${queue}`, flush: () => browser.flush() }, (group) =>
      readAll(browser.messages(), group, settings),
    );
  } finally {
    await browser.close();
  }
}

/** Records the messages of a queue or stream as mq peek reads them, and leaves them there. */
export async function recordPeek(
  context: Context,
  session: Session,
  settings: RecordSettings & Omit<PeekSettings, keyof Looks>,
): Promise<void> {
  const { queue, count, signal } = settings;
  const opened = await openPeek(session, settings);
  await withGroup(context, { ...settings, source: `${opened.type} ${queue}` }, (group) => {
    const show = async (raw: RawMessage) => {
      group.add({ raw });
      if (group.isFull) await group.commit();
    };
    const isEnough = () => group.count >= count || signal.aborted;
    // After a signal, peek throws before the next message. The recording ends without an error instead.
    const reading = { ...context, drain: new AbortController().signal };
    return readPeeked({ context: reading, session, settings, ...opened, show, isEnough });
  });
}

export function countText(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}

/** Messages that are written, and then acknowledged, together. */
const groupSize = 100;
/** Length of the lines that are written together, in UTF-16 code units. */
const groupLength = 1024 * 1024;
/** Milliseconds to wait for more messages of a group. */
const groupMs = 20;

interface Recording extends RecordSettings {
  /** Description in the first line of the file. */
  readonly source: string;
  readonly queue?: string;
  /**
   * Waits until the broker has received every removal. If it is set, each message is removed from its queue when it is
   * on disk.
   */
  readonly flush?: () => Promise<void>;
}

/** Creates the file, and completes it after `work`, also if `work` fails after the first message. */
async function withGroup(
  context: Context,
  { path, source, queue, flush, note }: Recording,
  work: (group: Group) => Promise<void>,
): Promise<void> {
  const writer = await RecordingWriter.create({ ...context, path, source });
  const group = new Group(writer, { queue, removes: flush !== undefined });
  let removed = flush ? '; some of them may still be in the queue' : '';
  let isFailed = true;
  try {
    await work(group);
    isFailed = false;
  } finally {
    try {
      await group.finish({ isFailed });
      if (flush && !isFailed) {
        await flush();
        removed = ' and removed from the queue';
      }
    } finally {
      note(`${countText(group.written)} recorded${group.written > 0 ? removed : ''}`);
    }
  }
}

async function readAll(
  messages: AsyncGenerator<Source>,
  group: Group,
  { count, signal }: RecordSettings,
): Promise<void> {
  for (let seen = 0; seen < count && !signal.aborted; seen += 1) {
    const next = messages.next();
    // The messages can fail while the group is written. The error is thrown below.
    next.catch(() => undefined);
    if (group.isFull || !(await isSoon(next))) await group.commit();
    const { value: message, done } = await next;
    if (done) return;
    group.add(message);
  }
}

/** Messages that are not on disk yet, and therefore not removed. */
class Group {
  readonly #writer: RecordingWriter;
  readonly #queue: string | undefined;
  readonly #removes: boolean;
  #messages: Source[] = [];
  #isBroken = false;
  /** Number of messages that are in the file. */
  written = 0;
  /** Number of messages that the broker dropped. */
  missed = 0;

  constructor(writer: RecordingWriter, { queue, removes }: { queue: string | undefined; removes: boolean }) {
    this.#writer = writer;
    this.#queue = queue;
    this.#removes = removes;
  }

  get isFull(): boolean {
    return this.#messages.length >= groupSize || this.#writer.pending >= groupLength;
  }

  /** Number of messages that were added. */
  get count(): number {
    return this.#writer.count;
  }

  add(message: Source): void {
    this.#messages.push(message);
    const { content: body, fields, properties } = message.raw;
    const { exchange, routingKey, redelivered } = fields;
    const place = this.#queue === undefined ? {} : { queue: this.#queue };
    this.#writer.add({
      body,
      exchange,
      routingKey,
      redelivered,
      ...place,
      properties,
      time: message.time ?? time.date(),
    });
  }

  /** Writes the messages, and then removes them. If they cannot be written, they stay in the queue. */
  async commit(): Promise<void> {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    let isWritten = false;
    try {
      await this.#writer.commit({ isDurable: this.#removes });
      isWritten = true;
      this.written += messages.length;
    } finally {
      this.#isBroken ||= !isWritten;
      for (const message of messages) {
        if (isWritten && this.#removes) message.remove?.();
        else message.leave?.();
      }
    }
  }

  /**
   * Writes the rest and the last line. A file that could not be written gets no last line, nor does a failed recording
   * without a message, because `mq replay` would take it for a complete one.
   */
  async finish({ isFailed }: { readonly isFailed: boolean }): Promise<void> {
    try {
      await this.commit();
      if (!this.#isBroken && !(isFailed && this.written === 0)) await this.#writer.end(this.missed);
    } finally {
      await this.#writer.close();
    }
  }
}

/** Resolves to `true` if the promise settles within a short time. */
async function isSoon(work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = time.after(groupMs, () => resolve(false));
  const settled = () => resolve(true);
  work.then(settled, settled);
  try {
    return await promise;
  } finally {
    timer.cancel();
  }
}
