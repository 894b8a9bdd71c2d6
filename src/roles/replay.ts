// Publishes the messages of a recording, each with a confirm, and reports the outcome of each message.

import type { Context } from '../context.ts';
import { checkedSender, type MessageCheck } from '../contracts/checked-sending.ts';
import { MqError } from '../errors.ts';
import type { WritableMessage } from '../session/outgoing-message.ts';
import type { Publisher } from '../session/publisher.ts';
import type { Destination, Session } from '../session/session.ts';
import { interrupted } from '../signal.ts';
import { countText } from './record.ts';
import type { RecordedMessage } from './recording/line.ts';
import { RecordingReader } from './recording/reader.ts';
import { Schedule, type Timing } from './recording/schedule.ts';
import { loginUserOf, Stripper } from './recording/stripped.ts';
import { Tally } from './tally.ts';

export type { RecordedMessage, Timing };
export { loginUserOf, RecordingReader, Stripper };

/** Target of the messages. Names are those of the broker, except that of a publication. */
export type ReplayTarget =
  /** `name` replaces the recorded exchange. */
  | { readonly to: 'exchange'; readonly name: string | undefined }
  | { readonly to: 'queue'; readonly name: string }
  | { readonly to: 'publication'; readonly name: string };

/** Replaces the name of an exchange, a routing key, or both. */
export interface Renaming {
  readonly of: 'exchange' | 'key' | 'both';
  readonly from: string;
  readonly to: string;
}

export interface ReplaySettings {
  /** '-' is standard input. */
  readonly path: string;
  /** Accepts a recording that was cut off or changed. */
  readonly isPartial: boolean;
  readonly skip: number;
  readonly timing: Timing;
  readonly vhost: string;
  readonly target: ReplayTarget;
  readonly renamings: readonly Renaming[];
  readonly user: string | undefined;
  readonly keepsCopies: boolean;
  readonly mandatory: boolean;
  readonly window: number;
  readonly json: boolean;
  /** Checks the messages, if rascal.json names a schema for one of the targets. */
  readonly check?: MessageCheck<WritableMessage> | undefined;
  readonly note: (text: string) => void;
}

/**
 * Resolves when all messages are confirmed. Throws BAD_DATA before anything is sent if the recording is incomplete or
 * changed, and the first failure after the others have been tried.
 */
export async function replay(context: Context, session: Session, settings: ReplaySettings): Promise<void> {
  const { path, skip, json } = settings;
  const exchanges = path === '-' ? undefined : await checkRecording(context, settings);
  const { publisher, sender, destination } = await openTarget(session, settings);
  if (exchanges) await requireExchanges(session, settings, destination ? [] : [...exchanges]);
  const { counts } = session;
  counts.resume = skip;
  const tally = new Tally(context, { json, skip, counts });
  void publisher.failed.then((error) => tally.end(error));
  const stripper = new Stripper(settings);
  const reader = new RecordingReader({ ...context, path });
  let isRead = false;
  try {
    await sendAll({
      context,
      publisher: sender,
      tally,
      settings,
      reader,
      messageOf: messagesTo(settings, destination, stripper),
    });
    isRead = true;
  } finally {
    await publisher.settled();
    await tally.printed();
    report(settings, {
      counts: stripper.counts,
      confirmed: tally.confirmed,
      resume: isRead && isWhole(context, tally) ? 0 : counts.resume,
    });
  }
  tally.finish();
  if (context.drain.aborted) throw interrupted(context, `${countText(tally.confirmed)} confirmed`);
  // With --partial, the check of a file has reported it.
  if (reader.problem !== undefined && !(exchanges && settings.isPartial))
    refuseProblem(settings, reader.problem, 'its messages were sent');
}

function isWhole({ drain }: Context, { attempted, confirmed, stopped }: Tally): boolean {
  return confirmed === attempted && !drain.aborted && !stopped.aborted;
}

interface Result {
  /** Number of messages by the name of what was removed. */
  readonly counts: ReadonlyMap<string, number>;
  readonly confirmed: number;
  /** Value of --skip for the next run. 0 if there is nothing to continue. */
  readonly resume: number;
}

function report({ note }: ReplaySettings, { counts, confirmed, resume }: Result): void {
  for (const [name, count] of counts) note(`removed ${name} from ${countText(count)}`);
  note(`${countText(confirmed)} confirmed${resume > 0 ? `; --skip ${resume} continues` : ''}`);
}

/** Reads the whole recording once, and returns the exchanges to publish to. Throws BAD_DATA if it is not intact. */
async function checkRecording(context: Context, settings: ReplaySettings): Promise<ReadonlySet<string>> {
  const reader = new RecordingReader({ ...context, path: settings.path });
  const exchanges = new Set<string>();
  const route = routeOf(settings, undefined);
  const unused = new Set(settings.renamings);
  let number = 0;
  for await (const batch of reader.messages(context.drain)) {
    for (const message of batch) {
      number += 1;
      for (const one of unused)
        if (matches(one, 'exchange', message.exchange) || matches(one, 'key', message.routingKey)) unused.delete(one);
      if (number > settings.skip) exchanges.add(route(message).exchange);
    }
  }
  if (context.drain.aborted) throw interrupted(context, 'nothing was sent');
  if (reader.problem !== undefined) refuseProblem(settings, reader.problem, 'nothing was sent');
  // A mistyped name would send the messages to the place where they were recorded.
  for (const { from } of number > 0 ? unused : [])
    throw new MqError('USAGE', `--map replaces '${from}', which no message of the recording has; nothing was sent`);
  if (settings.skip > reader.count)
    throw new MqError('USAGE', `--skip ${settings.skip} is more than the ${reader.count} messages of the recording`);
  return exchanges;
}

function refuseProblem({ path, isPartial, note }: ReplaySettings, problem: string, state: string): void {
  const text = `${path === '-' ? 'the recording' : path}: ${problem}`;
  if (isPartial) note(text);
  else throw new MqError('BAD_DATA', `${text}; ${state}`, { hint: '--partial replays the messages that it has' });
}

async function openTarget(
  session: Session,
  { target, vhost, window, check }: ReplaySettings,
): Promise<{ publisher: Publisher; sender: Sending['publisher']; destination?: Destination }> {
  const opened: { publisher: Publisher; destination?: Destination } =
    target.to === 'publication'
      ? await session.publisher(target.name, { window })
      : { publisher: await session.vhostPublisher(vhost, window) };
  return { ...opened, sender: check ? checkedSender(opened.publisher, check) : opened.publisher };
}

/** Throws TOPOLOGY if an exchange does not exist. A publish to it would close the channel, with other messages on it. */
async function requireExchanges(session: Session, { vhost }: ReplaySettings, names: readonly string[]): Promise<void> {
  const named = names.filter((name) => name !== '');
  if (named.length === 0) return;
  const observer = await session.observer(vhost);
  for (const name of named)
    if (!(await observer.hasExchange(name)))
      throw new MqError('TOPOLOGY', `there is no exchange '${name}', and nothing was sent`, {
        hint: '--map OLD=NEW replaces its name, --to queue:NAME sends to a queue',
      });
}

type Route = (message: RecordedMessage) => Pick<WritableMessage, 'exchange' | 'routingKey'>;

/** Returns a function that computes the exchange and the routing key of a message. */
function routeOf({ target, renamings }: ReplaySettings, destination: Destination | undefined): Route {
  const renamed = (of: 'exchange' | 'key', name: string) => renamings.find((one) => matches(one, of, name))?.to ?? name;
  return (message) => {
    const exchange = renamed('exchange', message.exchange);
    const routingKey = renamed('key', message.routingKey);
    if (target.to === 'queue') return { exchange: '', routingKey: target.name };
    if (destination?.exchange === '') return { exchange: '', routingKey: destination.routingKey };
    return {
      exchange: destination?.exchange ?? (target.to === 'exchange' ? target.name : undefined) ?? exchange,
      routingKey,
    };
  };
}

function matches({ of, from }: Renaming, field: 'exchange' | 'key', name: string): boolean {
  return from === name && (of === field || of === 'both');
}

/** Returns a function that builds the message to send. */
function messagesTo(settings: ReplaySettings, destination: Destination | undefined, stripper: Stripper) {
  const route = routeOf(settings, destination);
  const { mandatory } = settings;
  return (recorded: RecordedMessage): WritableMessage => ({
    ...route(recorded),
    mandatory,
    body: recorded.body,
    properties: stripper.strip(recorded.properties),
  });
}

interface Sending {
  readonly context: Context;
  readonly publisher: Pick<Publisher, 'hasRoom' | 'room' | 'send'>;
  readonly tally: Tally;
  readonly settings: ReplaySettings;
  readonly reader: RecordingReader;
  readonly messageOf: (recorded: RecordedMessage) => WritableMessage;
}

async function sendAll({ context, publisher, tally, settings, reader, messageOf }: Sending): Promise<void> {
  const stopped = AbortSignal.any([context.drain, tally.stopped]);
  const schedule = new Schedule(settings.timing);
  let left = settings.skip;
  sending: for await (const batch of reader.messages(stopped)) {
    for (const recorded of batch) {
      if (left > 0) {
        left -= 1;
        continue;
      }
      await schedule.wait(recorded.at, stopped);
      if (!publisher.hasRoom) await publisher.room();
      if (stopped.aborted) break sending;
      const message = messageOf(recorded);
      const number = tally.attempt();
      const { unreadable } = recorded.properties;
      if (unreadable !== undefined) {
        const error = new MqError('BAD_DATA', `message ${number} cannot be sent: ${unreadable}`);
        tally.count(number, message, { type: 'refused', error });
        continue;
      }
      publisher.send(message, (sent) => tally.count(number, message, sent));
    }
  }
  tally.isUnread = stopped.aborted;
}
