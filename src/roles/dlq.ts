// The dead-letter tools: they look through a queue, and show, replay, move or delete what is selected. A message is
// acknowledged only when its copy is confirmed, so whatever ends a run, nothing is lost; at worst a copy is there twice.

import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import type { Browser, Looked } from '../session/browser.ts';
import type { OutgoingMessage, Publisher, Sent } from '../session/publisher.ts';
import type { Session } from '../session/session.ts';
import type { RawMessage } from '../session/wire.ts';
import { deadLetterOf, revived } from './dead-letter.ts';
import { LetterPrinter } from './letter-printer.ts';
import { messageIds } from './outgoing.ts';
import { isClosedPipe } from './printer.ts';
import { Progress } from './progress.ts';
import { isSelected, type Selection } from './selection.ts';
import { interrupted } from './signal.ts';

export type DlqVerb = 'list' | 'show' | 'replay' | 'move' | 'purge';

export interface DlqSettings {
  readonly verb: DlqVerb;
  readonly vhost: string;
  /** The broker's name of the queue that is looked through. */
  readonly queue: string;
  readonly selection: Selection;
  /** Of `move`: the broker's name of the queue they go to. */
  readonly to: string | undefined;
  /** Show what would be done. */
  readonly dryRun: boolean;
  readonly json: boolean;
  /** Asked before messages are deleted; false: they stay. */
  readonly mayPurge: (count: number) => Promise<boolean>;
}

export async function dlq(context: Context, session: Session, settings: DlqSettings): Promise<void> {
  const { vhost, queue, verb, selection, dryRun } = settings;
  const browser = await session.browser(vhost, queue).catch((error: MqError) => {
    if (error.code !== 'TOPOLOGY') throw error;
    throw new MqError('TOPOLOGY', error.message, {
      hint: 'it is made with the first message that is dead-lettered; --queue names any queue',
      cause: error,
    });
  });
  const printer = new LetterPrinter(context.stdout, settings.json);
  try {
    if (verb === 'list' || verb === 'show' || dryRun) return await look({ context, browser, printer, settings });
    const isAll = selection.ids.length === 0 && selection.filters.length === 0;
    if (verb === 'purge') {
      if (!(await settings.mayPurge(isAll ? (selection.count ?? browser.total) : browser.total))) {
        throw new MqError('ANSWER_NO', `nothing was deleted from ${queue}`);
      }
      if (isAll && selection.count === undefined) {
        return await printer.result({ verb, queue, done: await browser.purge(), left: 0 });
      }
    }
    await change({ context, browser, printer, settings, publisher: await publisherFor(session, settings) });
  } catch (error) {
    if (!isClosedPipe(error)) throw error;
  } finally {
    await browser.close();
  }
}

interface Look {
  readonly context: Context;
  readonly browser: Browser;
  readonly printer: LetterPrinter;
  readonly settings: DlqSettings;
}

/** Shows what is selected; everything stays. */
async function look({ context, browser, printer, settings }: Look): Promise<void> {
  const { selection, verb, queue } = settings;
  let found = 0;
  const progress = new Progress(context.stdout.isTTY ? noOutput : context.stderr, browser.total);
  if (selection.count !== 0) {
    for await (const looked of browser.messages()) {
      looked.leave();
      if (context.drain.aborted) throw interrupted(context, 'the messages are as they were');
      progress.at(found);
      if (!isSelected(looked.raw, selection)) continue;
      found += 1;
      if (verb === 'show') await printer.whole(looked.raw, queue);
      else await printer.line(looked.raw);
      if (found === selection.count) break;
    }
  }
  progress.end();
  if (found === 0) refuseMissing(settings, browser.total);
  if (settings.dryRun) await printer.result({ verb, queue, done: found, left: browser.total - found, isDry: true });
}

/** Whoever names messages is told that there are none of them; a queue without messages is no news where all are meant. */
function refuseMissing({ queue, selection: { ids, filters } }: DlqSettings, total: number): void {
  if (ids.length === 0 && filters.length === 0) return;
  const named = ids.map((id) => JSON.stringify(id)).join(' or ');
  const which = [
    ...(ids.length > 0 ? [`has the id ${named}`] : []),
    ...(filters.length > 0 ? [`matches ${filters.map((filter) => JSON.stringify(filter)).join(' and ')}`] : []),
  ].join(' and ');
  throw new MqError('ANSWER_NO', `no message of ${queue} ${which} (${total} ${total === 1 ? 'is' : 'are'} there)`, {
    hint: 'mq dlq list shows them all',
  });
}

interface Change extends Look {
  readonly publisher: Publisher | undefined;
}

/** Takes out what is selected, each as soon as its copy is confirmed; the rest stays. */
async function change({ context, browser, printer, settings, publisher }: Change): Promise<void> {
  const { selection, verb, queue } = settings;
  const { count = Number.POSITIVE_INFINITY } = selection;
  const progress = new Progress(context.stderr, browser.total);
  const copyOf = copies(settings);
  const outcome = { done: 0, failed: 0, first: undefined as MqError | undefined };
  const fail = (looked: Looked, error: MqError) => {
    looked.leave();
    outcome.failed += 1;
    outcome.first ??= error;
  };
  const take = (looked: Looked) => {
    looked.take();
    outcome.done += 1;
    progress.at(outcome.done);
  };
  let chosen = 0;
  let isLost = false;
  for await (const looked of browser.messages()) {
    if (context.drain.aborted || isLost || !isSelected(looked.raw, selection)) {
      looked.leave();
      if (context.drain.aborted || isLost) break;
      continue;
    }
    chosen += 1;
    if (!publisher) take(looked);
    else {
      const copy = copyOf(looked.raw);
      if (copy instanceof MqError) fail(looked, copy);
      else {
        await publisher.room();
        publisher.send(copy, (sent: Sent) => {
          if (sent.type === 'confirmed') take(looked);
          else fail(looked, sent.error);
          isLost ||= sent.type === 'in doubt';
        });
      }
    }
    if (chosen >= count) break;
  }
  await publisher?.settled();
  progress.end();
  if (chosen === 0 && !context.drain.aborted) refuseMissing(settings, browser.total);
  await printer.result({ verb, queue, done: outcome.done, left: browser.total - outcome.done });
  const { first, failed } = outcome;
  if (first) {
    const { code, message, hint } = first;
    const left = `${failed} of ${chosen} messages stay in ${queue}: ${message}`;
    throw new MqError(code, left, { ...(hint !== undefined && { hint }), cause: first });
  }
  if (context.drain.aborted) throw interrupted(context, 'the rest stays where it is');
}

async function publisherFor(session: Session, { verb, vhost }: DlqSettings): Promise<Publisher | undefined> {
  if (verb === 'purge') return undefined;
  const nothing = { onChannel: async () => undefined, queues: [], dead: undefined };
  return (await session.outcomePublisher(vhost, nothing)).publisher;
}

/** Makes the message that is published for a dead one, or the error why there can be none. */
function copies({ verb, to = '', queue }: DlqSettings): (raw: RawMessage) => OutgoingMessage | MqError {
  const nextId = messageIds();
  return ({ properties, content }) => {
    const origin = verb === 'move' ? { exchange: '', routingKey: to } : deadLetterOf({ properties, content });
    const { exchange, routingKey } = origin;
    if (exchange === undefined || routingKey === undefined) {
      return new MqError('BAD_DATA', 'nothing says where it came from', {
        hint: `mq dlq move --queue ${queue} --to QUEUE sends it to a queue of your choice`,
      });
    }
    const { userId: _, headers = {}, ...kept } = properties; // RabbitMQ: user_id must be that of the connection
    return {
      exchange,
      routingKey,
      body: content,
      properties: { ...kept, messageId: kept.messageId ?? nextId(), headers: revived(headers, verb === 'move') },
      mandatory: true,
    };
  };
}

const noOutput = { isTTY: false } as Context['stderr'];
