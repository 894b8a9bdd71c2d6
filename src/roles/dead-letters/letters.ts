// Opens the letters of a dead-letter queue for reading or removing.

import type { DeadQueue } from '../../config/dead-queue.ts';
import { deadQueue } from '../../config/retry-queues.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { Browser, Session } from '../../session/session.ts';
import { isStreamError, streamError } from '../../session/stream-error.ts';
import type { RawMessage } from '../../session/wire.ts';
import { hasEndedConnections, interrupted } from '../../signal.ts';
import { messageIds } from '../outgoing.ts';
import type { DlqVerb } from '../selection.ts';
import { Renewal } from './renewal.ts';

export type LetterQueue = Pick<DeadQueue, 'vhost' | 'queue'> & {
  readonly work: DeadQueue['work'];
  /** Arguments of the queue. `undefined` if mq does not know them. */
  readonly declared: Readonly<Record<string, unknown>> | undefined;
  readonly verb: DlqVerb;
};

export type Letters = Pick<Browser, 'total' | 'messages' | 'purge' | 'flush' | 'close'>;

type LettersContext = Pick<Context, 'stderr' | 'drain' | 'abandon'>;

const noLetters: Letters = {
  total: 0,
  async *messages() {},
  purge: async () => 0,
  flush: async () => {},
  close: async () => {},
};

/**
 * Opens the queue. If the work queue is known, a dead-letter queue that does not exist counts as empty, because mq
 * declares it with the first dead letter.
 */
export async function openLetters(
  context: LettersContext,
  session: Session,
  { vhost, queue, work, declared, verb }: LetterQueue,
): Promise<Letters> {
  const open = async () =>
    (await session.outcomePublisher(vhost, { onChannel, queues: [], dead: undefined })).publisher;
  const renewal = new Renewal({ queue, declared, open, nextId: messageIds() });
  const type = declared?.['x-queue-type'];
  try {
    if (type === 'stream') throw streamError(queue);
    const reader = await session.queueReader(vhost, queue);
    const browser = await reader.browse(renewal);
    // A stream that was never read reports no messages. Purging one would close the connection (540).
    const isUnknown = type === undefined && (browser.total === 0 || verb === 'purge');
    if (isUnknown && (await reader.type()) === 'stream') throw streamError(queue);
    return lettersOf(browser, renewal, context);
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    if (isStreamError(error)) throw await withDeadQueue(error, session, { vhost, queue });
    if (error.hint !== undefined) throw error;
    const { code, message, cause } = error;
    // RabbitMQ: the text of the 404 error names the queue.
    const isMissing = code === 'TOPOLOGY' && cause instanceof Error && cause.message.includes('no queue');
    if (isMissing && work) return noLetters;
    if (code !== 'TOPOLOGY') throw error;
    throw new MqError('TOPOLOGY', message, {
      hint: 'mq declares it with the first dead letter; use --queue to name another queue',
      cause: error,
    });
  }
}

function lettersOf(browser: Browser, renewal: Renewal, context: LettersContext): Letters {
  return {
    total: browser.total,
    messages: () => browser.messages(),
    purge: () => browser.purge(),
    flush: () => flush(browser, context),
    close: async () => {
      await browser.close();
      context.stderr.write(renewal.report());
    },
  };
}

/** Waits for the removals. After a second signal, the signal is the reason why the broker may not have received them. */
async function flush(browser: Browser, context: LettersContext): Promise<void> {
  try {
    await browser.flush();
  } catch (error) {
    if (!(error instanceof MqError) || !hasEndedConnections(context.abandon)) throw error;
    throw interrupted(context, error.message);
  }
}

/** Adds the name of the dead-letter queue of a stream to the error, if the queue exists. */
async function withDeadQueue(
  error: MqError,
  session: Session,
  { vhost, queue }: Pick<LetterQueue, 'vhost' | 'queue'>,
): Promise<MqError> {
  const dead = deadQueue(queue).name;
  const presence = await session
    .observer(vhost)
    .then((observer) => observer.presence('queue', dead))
    .catch(() => 'unknown');
  if (presence !== 'exists') return error;
  const hint = `the failed messages of the stream are in its dead-letter queue: mq dlq list --queue ${dead}`;
  return new MqError(error.code, error.message, { hint });
}

/** Declares nothing on a new channel. */
async function onChannel(): Promise<void> {}

/** Reads all letters once and leaves them in the queue. */
export async function survey(
  context: Context,
  session: Session,
  { settings, visit }: { settings: LetterQueue; visit: (raw: RawMessage) => void },
): Promise<void> {
  const browser = await openLetters(context, session, settings);
  try {
    for await (const message of browser.messages()) {
      message.leave();
      if (context.drain.aborted) throw interrupted(context, 'no message was changed');
      visit(message.raw);
    }
  } finally {
    await browser.close();
  }
}
