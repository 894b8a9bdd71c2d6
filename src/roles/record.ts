// Records the messages of a queue to a file. With `drain`, a message is removed from the queue only when it is on disk.

import type { Context } from '../context.ts';
import type { BrowsedMessage } from '../session/browser.ts';
import type { Session } from '../session/session.ts';
import type { RawMessage } from '../session/wire.ts';
import { openLetters } from './dead-letters/letters.ts';
import type { RecordedMessage } from './recording/line.ts';
import { RecordingWriter } from './recording/writer.ts';

export interface RecordSettings {
  /** '-' is stdout. */
  readonly path: string;
  readonly vhost: string;
  /** Maximum number of messages. */
  readonly count: number;
  /** Aborts when the recording should end. */
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

export interface QueueSettings extends RecordSettings {
  /** The broker's name. */
  readonly queue: string;
  /** Removes the messages from the queue. */
  readonly drain: boolean;
}

/** Messages that are written, and with `drain` acknowledged, together. */
const groupSize = 100;
/** Milliseconds to wait for more messages of a group. */
const groupMs = 20;

/** Records the messages that are ready at the start. After an error of the broker, the file is still complete. */
export async function recordQueue(context: Context, session: Session, settings: QueueSettings): Promise<void> {
  const { path, vhost, queue, drain, note } = settings;
  const browser = await openLetters(context, session, { vhost, queue, work: undefined, declared: undefined });
  try {
    const writer = await RecordingWriter.create({ ...context, path, source: `queue ${queue}` });
    const group = new Group(writer, drain);
    try {
      await readAll(browser.messages(), group, settings);
    } finally {
      await group.finish();
    }
    note(`${countText(writer.count)} recorded${drain ? ' and removed from the queue' : ''}`);
  } finally {
    await browser.close();
  }
}

export function countText(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}

async function readAll(
  messages: AsyncGenerator<BrowsedMessage>,
  group: Group,
  { queue, count, signal }: QueueSettings,
): Promise<void> {
  for (let seen = 0; seen < count && !signal.aborted; seen += 1) {
    const next = messages.next();
    if (group.isFull || !(await isSoon(next))) await group.commit();
    const { value: message, done } = await next;
    if (done) return;
    group.add(message, { ...recordedOf(message.raw), queue });
  }
}

/** Messages that are not on disk yet, and therefore not removed. */
class Group {
  readonly #writer: RecordingWriter;
  readonly #drain: boolean;
  #messages: BrowsedMessage[] = [];
  #isBroken = false;

  constructor(writer: RecordingWriter, drain: boolean) {
    this.#writer = writer;
    this.#drain = drain;
  }

  get isFull(): boolean {
    return this.#messages.length >= groupSize;
  }

  add(message: BrowsedMessage, recorded: Omit<RecordedMessage, 'at'>): void {
    this.#messages.push(message);
    this.#writer.add(recorded);
  }

  /** Writes the messages, and then removes them. If they cannot be written, they stay in the queue. */
  async commit(): Promise<void> {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    let isWritten = false;
    try {
      await this.#writer.commit({ isDurable: this.#drain });
      isWritten = true;
    } finally {
      this.#isBroken ||= !isWritten;
      for (const message of messages) {
        if (isWritten && this.#drain) message.remove();
        else message.leave();
      }
    }
  }

  /** Writes the rest and the last line. A file that could not be written gets no last line. */
  async finish(): Promise<void> {
    try {
      await this.commit();
      if (!this.#isBroken) await this.#writer.end();
    } finally {
      await this.#writer.close();
    }
  }
}

function recordedOf({ content: body, fields, properties }: RawMessage): Omit<RecordedMessage, 'at'> {
  const { exchange, routingKey, redelivered } = fields;
  return { body, exchange, routingKey, redelivered, properties, time: Date.now() };
}

/** Resolves to `true` if the promise settles within a short time. */
async function isSoon(work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), groupMs);
  const settled = () => resolve(true);
  work.then(settled, settled);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
