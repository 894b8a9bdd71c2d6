// The dead-letter tools: read a queue, and list, show, replay, move or delete the selected messages. A message is
// acknowledged only after its copy is confirmed, so nothing is lost however a run ends; at worst a message exists
// twice.

import type { DeadQueue } from '../config/dead-queue.ts';
import { waitQueue } from '../config/retry-queues.ts';
import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import type { OutgoingMessage, PublishOutcome } from '../session/outgoing-message.ts';
import type { Publisher } from '../session/publisher.ts';
import type { BrowsedMessage, Session } from '../session/session.ts';
import type { RawMessage } from '../session/wire.ts';
import { interrupted } from '../signal.ts';
import { isClosedPipe } from '../terminal/printer.ts';
import { Progress } from '../terminal/progress.ts';
import { type EditSettings, editLetter } from './dead-letters/edit.ts';
import { Groups } from './dead-letters/groups.ts';
import { type Letters, openLetters, survey } from './dead-letters/letters.ts';
import { LetterPrinter } from './dead-letters/printer.ts';
import { movedCopyOf, Replay, Targets } from './dead-letters/replay.ts';
import { messageIds } from './outgoing.ts';
import type { DrawTable } from './rows.ts';
import { type DlqVerb, isSelected, Prefixes, type Selection } from './selection.ts';

export interface DlqSettings {
  readonly verb: DlqVerb;
  readonly vhost: string;
  /** The broker's name of the queue to read. */
  readonly queue: string;
  /** Work queue of the letters, if known. The dead-letter queue is then declared with the first dead letter. */
  readonly work: DeadQueue['work'];
  /** Arguments of the queue. `undefined` if mq does not know them. */
  readonly declared: Readonly<Record<string, unknown>> | undefined;
  readonly selection: Selection;
  /** `true` if the ids of the selection are not abbreviated. */
  readonly hasWholeIds: boolean;
  /** For `list`: field by which the letters are counted. `undefined` lists each letter. */
  readonly group: string | undefined;
  /** Destination queue of `move`, by the broker's name. */
  readonly to: string | undefined;
  /** For `replay`: sends letters to the original exchange and key. */
  readonly toExchange: boolean;
  /** Set by `--yes`: mq asks no questions and trusts the headers of letters. */
  readonly isSure: boolean;
  /** Only shows what would be done. */
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly hasHeaders: boolean;
  /** Formats a table for a terminal. */
  readonly drawTable: DrawTable;
  /** Asks the user before messages are deleted. If the result is `false`, they are kept. */
  readonly mayPurge: (count: number) => Promise<boolean>;
  /**
   * Asks the user before letters are sent to the exchanges that their headers name. If the result is `false`, they are
   * kept.
   */
  readonly mayReplay: () => Promise<boolean>;
  /** For `edit`: stores a text in a file for the editor of the user. */
  readonly openFile: EditSettings['openFile'];
}

export async function dlq(context: Context, session: Session, given: DlqSettings): Promise<void> {
  const settings = { ...given, selection: await withFullIds(context, session, given) };
  const { queue, verb, selection, dryRun } = settings;
  if (verb === 'replay' && settings.toExchange && !dryRun) await askBeforeReplay(context, session, settings);
  const printer = new LetterPrinter(context.stdout, settings);
  if (verb === 'edit') return printer.result({ verb, queue, ...(await edit(context, session, settings)) });
  const browser = await openLetters(context, session, settings);
  try {
    if (verb === 'list' || verb === 'show' || dryRun)
      return await showSelected({ context, browser, printer, settings });
    const isAll = selection.ids.length === 0 && selection.filters.length === 0;
    if (verb === 'purge') {
      if (!(await settings.mayPurge(isAll ? (selection.count ?? browser.total) : browser.total))) {
        throw new MqError('ANSWER_NO', `nothing was deleted from ${queue}`);
      }
      if (isAll && selection.count === undefined) {
        return await printer.result({ verb, queue, done: await browser.purge(), left: 0 });
      }
    }
    await change({ context, browser, printer, settings, copyPublisher: await openCopyPublisher(session, settings) });
  } catch (error) {
    if (!isClosedPipe(error)) throw error;
  } finally {
    await browser.close();
  }
}

/** Returns the selection with abbreviated ids completed. */
async function withFullIds(context: Context, session: Session, settings: DlqSettings): Promise<Selection> {
  const { selection, hasWholeIds } = settings;
  if (hasWholeIds || selection.ids.length === 0) return selection;
  const prefixes = new Prefixes(selection.ids);
  await survey(context, session, { settings, visit: ({ properties }) => prefixes.add(properties.messageId) });
  return { ...selection, ids: prefixes.ids() };
}

/** Shows the exchanges that the letters would go to, and asks for consent. */
async function askBeforeReplay(context: Context, session: Session, settings: DlqSettings): Promise<void> {
  if (settings.isSure) return;
  const replay = new Replay({ ...settings, delayMs: 0 }, messageIds());
  const targets = new Targets(replay);
  const { selection } = settings;
  const visit = (raw: RawMessage) => {
    if (isSelected(raw, selection) && targets.size < (selection.count ?? Number.POSITIVE_INFINITY)) targets.add(raw);
  };
  await survey(context, session, { settings, visit });
  context.stderr.write(targets.lines());
  if (targets.size > 0 && !(await settings.mayReplay())) {
    throw new MqError('ANSWER_NO', `nothing was replayed from ${settings.queue}`);
  }
}

/** Edits the only selected letter. */
async function edit(context: Context, session: Session, settings: DlqSettings) {
  const [id = ''] = settings.selection.ids;
  const { replay, openPublisher } = replayWith(session, settings);
  return editLetter(context, session, { settings: { ...settings, id }, replay, openPublisher });
}

interface ShowParts {
  readonly context: Context;
  readonly browser: Letters;
  readonly printer: LetterPrinter;
  readonly settings: DlqSettings;
}

/** Shows the selected messages. None is removed. */
async function showSelected({ context, browser, printer, settings }: ShowParts): Promise<void> {
  const { selection, verb, queue } = settings;
  let found = 0;
  const targets = verb === 'replay' ? new Targets(new Replay({ ...settings, delayMs: 0 }, messageIds())) : undefined;
  // On a terminal the listed messages show the progress.
  const groups = settings.group === undefined ? undefined : new Groups(settings.group);
  const progress = context.stdout.isTTY ? undefined : new Progress(context.stderr, browser.total);
  if (selection.count !== 0) {
    for await (const message of browser.messages()) {
      message.leave();
      if (context.drain.aborted) throw interrupted(context, 'no message was changed');
      progress?.at(found);
      if (!isSelected(message.raw, selection)) continue;
      found += 1;
      targets?.add(message.raw);
      if (groups) groups.add(message.raw);
      else if (verb === 'show') await printer.whole(message.raw, queue);
      else await printer.line(message.raw);
      if (found === selection.count) break;
    }
  }
  if (groups) await groups.print(context.stdout, settings);
  else if (verb !== 'show') await printer.end();
  progress?.end();
  if (found === 0) refuseMissing(settings, browser.total);
  if (targets) context.stderr.write(targets.lines());
  if (settings.dryRun) await printer.result({ verb, queue, done: found, left: browser.total - found, isDry: true });
}

/** Throws if no selected message exists. An empty queue is not an error if all messages are selected. */
function refuseMissing({ queue, selection: { ids, filters } }: DlqSettings, total: number): void {
  if (ids.length === 0 && filters.length === 0) return;
  const named = ids.map((id) => JSON.stringify(id)).join(' or ');
  const which = [
    ...(ids.length > 0 ? [`has the id ${named}`] : []),
    ...(filters.length > 0 ? [`matches ${filters.map((filter) => JSON.stringify(filter)).join(' and ')}`] : []),
  ].join(' and ');
  throw new MqError('ANSWER_NO', `no message of ${queue} ${which} (the queue has ${total})`, {
    hint: 'mq dlq list shows them all',
  });
}

interface ChangeParts extends ShowParts {
  readonly copyPublisher: CopyPublisher | undefined;
}

/** Removes each selected message as soon as its copy is confirmed. The other messages stay. */
async function change({ context, browser, printer, settings, copyPublisher }: ChangeParts): Promise<void> {
  const { selection, verb, queue } = settings;
  const { count = Number.POSITIVE_INFINITY } = selection;
  const removal = new Removal(copyPublisher, new Progress(context.stderr, browser.total));
  try {
    for await (const message of browser.messages()) {
      if (context.drain.aborted || removal.isLost || !isSelected(message.raw, selection)) {
        message.leave();
        if (context.drain.aborted || removal.isLost) break;
        continue;
      }
      await removal.remove(message);
      if (removal.selected >= count) break;
    }
  } finally {
    // The copies that are on their way remove their messages when they are confirmed.
    await removal.end();
  }
  await browser.flush();
  if (removal.selected === 0 && !context.drain.aborted) refuseMissing(settings, browser.total);
  await printer.result({ verb, queue, done: removal.done, left: browser.total - removal.done });
  removal.refuseFailures(queue, browser.total);
  if (context.drain.aborted) throw interrupted(context, 'the other messages stay in the queue');
}

/** Removes messages, each after its copy is confirmed, and counts them. */
class Removal {
  readonly #copyPublisher: CopyPublisher | undefined;
  readonly #progress: Progress;
  /** Number of selected messages. */
  selected = 0;
  done = 0;
  #failed = 0;
  #first: MqError | undefined;
  /** `true` after a copy was left in doubt: the connection is lost, so no further message can be removed. */
  isLost = false;

  constructor(copyPublisher: CopyPublisher | undefined, progress: Progress) {
    this.#copyPublisher = copyPublisher;
    this.#progress = progress;
  }

  /**
   * Publishes the copy of a message, and removes the message when the copy is confirmed, without waiting for that. If
   * no copies are published, removes the message at once.
   */
  async remove(message: BrowsedMessage): Promise<void> {
    this.selected += 1;
    if (!this.#copyPublisher) return this.#take(message);
    const { copyOf: copyFor, publisher } = this.#copyPublisher;
    const copy = await copyFor(message.raw);
    if (copy instanceof MqError) return this.#leave(message, copy);
    await publisher.room();
    publisher.send(copy, (sent: PublishOutcome) => {
      if (sent.type === 'confirmed') this.#take(message);
      else this.#leave(message, sent.error);
      this.isLost ||= sent.type === 'in doubt';
    });
  }

  /** Resolves when every copy has its outcome. */
  async end(): Promise<void> {
    await this.#copyPublisher?.publisher.settled();
    this.#progress.end();
  }

  /** Throws if a message stayed in the queue because its copy failed. */
  refuseFailures(queue: string, total: number): void {
    if (!this.#first) return;
    const { code, message, hint } = this.#first;
    // A lost connection ends the loop, so unread messages stay as well.
    const [stay, of] = this.isLost ? [total - this.done, total] : [this.#failed, this.selected];
    const left = `${stay} of ${of} messages stay in ${queue}: ${message}`;
    throw new MqError(code, left, { ...(hint !== undefined && { hint }), cause: this.#first });
  }

  #take(message: BrowsedMessage): void {
    message.remove();
    this.done += 1;
    this.#progress.at(this.done);
  }

  #leave(message: BrowsedMessage, error: MqError): void {
    message.leave();
    this.#failed += 1;
    this.#first ??= error;
  }
}

interface CopyPublisher {
  readonly publisher: Publisher;
  /** Returns the message to publish for a letter, or the reason why it cannot be published. */
  readonly copyOf: (raw: RawMessage) => Promise<OutgoingMessage | MqError>;
}

/** Opens the publisher for the copies. Returns `undefined` if nothing is published. */
async function openCopyPublisher(session: Session, settings: DlqSettings): Promise<CopyPublisher | undefined> {
  const { verb, queue, to = '' } = settings;
  if (verb === 'purge') return undefined;
  const { replay, openPublisher } = replayWith(session, settings);
  const publisher = await openPublisher();
  const nextId = messageIds();
  const moved = async (raw: RawMessage) => movedCopyOf(raw, { queue, to, nextId });
  return { publisher, copyOf: verb === 'move' ? moved : (raw) => replay.copyOf(raw) };
}

function replayWith(session: Session, settings: DlqSettings) {
  const { verb, vhost, work } = settings;
  const { delayMs = 1000 } = work ?? {};
  const replay = new Replay({ ...settings, delayMs }, messageIds());
  const openPublisher = async (): Promise<Publisher> => {
    const queues = verb !== 'move' && work ? [waitQueue(work.queue, delayMs).name] : [];
    const outcomes = await session.outcomePublisher(vhost, { onChannel: replay.onChannel, queues, dead: undefined });
    replay.use(outcomes);
    return outcomes.publisher;
  };
  return { replay, openPublisher };
}
