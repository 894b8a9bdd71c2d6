// The letters of a dead-letter queue, to be looked at or taken.

import type { DeadQueue } from '../config/dead-queue.ts';
import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import type { Browser } from '../session/browser.ts';
import type { Session } from '../session/session.ts';
import type { RawMessage } from '../session/wire.ts';
import { messageIds } from './outgoing.ts';
import { Renewal } from './renewal.ts';
import { interrupted } from './signal.ts';

type Place = Pick<DeadQueue, 'vhost' | 'queue'> & {
  readonly work: DeadQueue['work'];
  /** The arguments of the queue; undefined: mq does not know them. */
  readonly declared: Readonly<Record<string, unknown>> | undefined;
};

export type Letters = Pick<Browser, 'total' | 'messages' | 'purge' | 'close'>;

const noLetters: Letters = {
  total: 0,
  async *messages() {},
  purge: async () => 0,
  close: async () => {},
};

/** Opens the queue. If the name that was given says where letters die, a queue that does not exist yet has no letters. */
export async function openLetters(
  { stderr }: Pick<Context, 'stderr'>,
  session: Session,
  { vhost, queue, work, declared }: Place,
): Promise<Letters> {
  const open = async () =>
    (await session.outcomePublisher(vhost, { onChannel, queues: [], dead: undefined })).publisher;
  const renewal = new Renewal({ queue, declared, open, nextId: messageIds() });
  try {
    const browser = await session.browser(vhost, queue, renewal);
    return {
      total: browser.total,
      messages: () => browser.messages(),
      purge: () => browser.purge(),
      close: async () => {
        await browser.close();
        stderr.write(renewal.report());
      },
    };
  } catch (error) {
    const { code, message, cause } = error as MqError;
    // RabbitMQ: 404 names the queue.
    const isMissing = code === 'TOPOLOGY' && String((cause as Error | undefined)?.message).includes('no queue');
    if (isMissing && work) return noLetters;
    if (code !== 'TOPOLOGY') throw error;
    throw new MqError('TOPOLOGY', message, {
      hint: 'it is made with the first message that is dead-lettered; --queue names any queue',
      cause: error,
    });
  }
}

/** Nothing is declared. */
async function onChannel(): Promise<void> {}

/** Looks at all letters once, and leaves them. */
export async function survey(
  context: Context,
  session: Session,
  { settings, visit }: { settings: Place; visit: (raw: RawMessage) => void },
): Promise<void> {
  const browser = await openLetters(context, session, settings);
  try {
    for await (const looked of browser.messages()) {
      looked.leave();
      if (context.drain.aborted) throw interrupted(context, 'the messages are as they were');
      visit(looked.raw);
    }
  } finally {
    await browser.close();
  }
}
