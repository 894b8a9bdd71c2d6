// The behaviour `publish`: sends the input and reports the outcome of each message.

import type { Context } from '../context.ts';
import { checkedSender, checkOf } from '../contracts/checked-sending.ts';
import type { Contract } from '../contracts/contracts.ts';
import type { OutgoingMessage } from '../session/outgoing-message.ts';
import type { Publisher } from '../session/publisher.ts';
import type { Session } from '../session/session.ts';
import type { Properties } from '../session/wire.ts';
import { interrupted, orDrain } from '../signal.ts';
import { type Delay, DelayedMessages } from './delay.ts';
import { bodies, type Input } from './input.ts';
import { outgoingSeries } from './outgoing.ts';
import { Pace } from './pace.ts';
import { Tally } from './tally.ts';

export interface PublishSettings {
  readonly publication: string;
  readonly input: Input;
  /** Number of input lines to skip at the start. */
  readonly skip: number;
  /** Overrides the routing key of the publication. */
  readonly routingKey: string | undefined;
  readonly properties: Properties;
  readonly persistent: boolean | undefined;
  readonly mandatory: boolean;
  readonly delay: Delay | undefined;
  readonly window: number;
  /** Milliseconds between two messages. `undefined` means no limit. */
  readonly intervalMs: number | undefined;
  /** The schema of the bodies, if rascal.json names one. */
  readonly contract?: Contract | undefined;
  /** `true` prints one JSON object with the outcome of each message. */
  readonly json: boolean;
}

/** Resolves when all messages are confirmed. Throws the first failure after the others have been tried. */
export async function publish(context: Context, session: Session, settings: PublishSettings): Promise<void> {
  const { json, skip, input } = settings;
  const { counts } = session;
  if (input.from === 'lines') counts.resume = skip;
  const delayed = settings.delay && new DelayedMessages(settings.delay, settings);
  const { window } = settings;
  const opening = session.publisher(settings.publication, { window, delay: delayed?.needed });
  const opened = await orDrain(opening, context);
  if (!opened) throw interrupted(context, 'nothing was sent');
  const { publisher, destination } = opened.value;
  const messageOf = delayed?.series(destination) ?? outgoingSeries({ destination, ...settings });
  const tally = new Tally(context, { json, skip, ...(input.from === 'lines' && { counts }) });
  void publisher.failed.then((error) => tally.end(error));
  const onAbandon = () => session.abort(interrupted(context, 'messages without a confirm may or may not have arrived'));
  context.abandon.addEventListener('abort', onAbandon, { once: true });
  let complete = true;
  try {
    const { contract } = settings;
    const sender = contract ? checkedSender(publisher, checkOf(contract)) : publisher;
    await sendAll({ context, publisher: sender, messageOf, tally, settings });
  } finally {
    complete = !context.drain.aborted;
    await publisher.settled();
    await tally.printed();
    context.abandon.removeEventListener('abort', onAbandon);
  }
  tally.finish();
  if (complete) return;
  if (tally.attempted === 0) throw interrupted(context, 'nothing was sent');
  if (input.from !== 'text') throw interrupted(context, `${tally.confirmed} messages are confirmed`);
}

interface Sending {
  readonly context: Context;
  readonly publisher: Pick<Publisher, 'hasRoom' | 'room' | 'send'>;
  readonly messageOf: (body: Buffer) => OutgoingMessage;
  readonly tally: Tally;
  readonly settings: PublishSettings;
}

/** Reads the input and sends its messages, until the input ends, mq is stopped, or no more messages can be sent. */
async function sendAll({ context, publisher, messageOf, tally, settings }: Sending): Promise<void> {
  // When nothing more can be sent, mq stops reading, because the rest of the input may never arrive.
  const drain = AbortSignal.any([context.drain, tally.stopped]);
  // A listener, because reading `aborted` costs as much as encoding a message.
  let isStopping = drain.aborted;
  drain.addEventListener('abort', () => {
    isStopping = true;
  });
  const pace = new Pace(settings.intervalMs);
  let left = settings.skip;
  sending: for await (const batch of bodies(settings.input, { ...context, drain })) {
    for (const body of batch) {
      if (left > 0) {
        left -= 1;
        continue;
      }
      if (pace.waitMs > 0) await pace.wait(drain);
      pace.begin();
      if (!publisher.hasRoom) await publisher.room();
      if (isStopping) break sending;
      const message = messageOf(body);
      const number = tally.attempt();
      publisher.send(message, (sent) => tally.count(number, message, sent));
    }
  }
  tally.isUnread = drain.aborted;
}
