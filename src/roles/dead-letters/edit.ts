// mq dlq edit: opens one dead letter in an editor, sends the edited message to the queue where the letter died, and
// removes the letter after the confirm. While the editor runs, the letter is in its queue and mq holds no message.

import { without } from '../../config/plain.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { OutgoingMessage } from '../../session/outgoing-message.ts';
import type { Publisher } from '../../session/publisher.ts';
import type { BrowsedMessage, Session } from '../../session/session.ts';
import { taggedFields, taggedProperties } from '../../session/tagged-json.ts';
import type { RawMessage } from '../../session/wire.ts';
import { interrupted } from '../../signal.ts';
import { withoutDeadLetterHeaders } from './dead-letter.ts';
import { documentOf, type EditedLetter, editedLetterOf } from './edit-document.ts';
import { type LetterQueue, openLetters, survey } from './letters.ts';
import { placeOf, type Replay } from './replay.ts';

/** A text that the user edits. */
interface EditedFile {
  /** Opens the editor and returns the text after its end. Throws ANSWER_NO if the editor fails. */
  edit(): Promise<Buffer>;
  /** Reports a problem of the text, and returns `true` if the user wants to edit again. */
  editsAgain(problem: string): Promise<boolean>;
  /** Removes the file. With `keeps`, leaves it and reports its path, so that no change is lost. */
  end(result: { readonly keeps: boolean }): Promise<void>;
}

export interface EditSettings extends LetterQueue {
  readonly id: string;
  /** Stores the text in a file of the user. */
  readonly openFile: (text: Buffer) => Promise<EditedFile>;
}

interface EditParts {
  readonly settings: EditSettings;
  readonly replay: Replay;
  /** Opens the publisher for the edited message. */
  readonly openPublisher: () => Promise<Pick<Publisher, 'publish'>>;
}

/** Returns the numbers of letters in the queue before and after. Throws ANSWER_NO if nothing was changed. */
export async function editLetter(
  context: Context,
  session: Session,
  { settings, replay, openPublisher }: EditParts,
): Promise<{ done: number; left: number }> {
  const { queue, id } = settings;
  const letter = await findOne(context, session, settings);
  const target = replay.targetOf(letter);
  if (target instanceof MqError) throw target;
  const document = documentOf(letter, placeOf(target));
  const file = await settings.openFile(document);
  let isFinished = false;
  try {
    const edited = await editUntilValid(file, document);
    if (context.drain.aborted) throw interrupted(context, 'nothing was sent');
    if (!edited) {
      isFinished = true;
      throw new MqError('ANSWER_NO', `the message was not changed, so it stays in ${queue}`);
    }
    const publisher = await openPublisher();
    const copyOf = () => replay.copyOf(withChanges(letter, edited));
    const left = await replaceLetter(context, session, { settings, letter, copyOf, publisher });
    if (left === undefined)
      throw new MqError('OUTDATED', `the message '${id}' left ${queue} or changed while it was edited`, {
        hint: 'nothing was sent; mq dlq list shows the messages of the queue',
      });
    isFinished = true;
    return { done: 1, left };
  } finally {
    await file.end({ keeps: !isFinished });
  }
}

/** Returns the only letter with the id. Throws ANSWER_NO if no letter has it, and USAGE if several have it. */
async function findOne(context: Context, session: Session, settings: EditSettings): Promise<RawMessage> {
  const { queue, id } = settings;
  const found: RawMessage[] = [];
  const visit = (raw: RawMessage) => {
    if (raw.properties.messageId === id && found.length < 2) found.push(raw);
  };
  await survey(context, session, { settings, visit });
  const [letter, other] = found;
  if (!letter)
    throw new MqError('ANSWER_NO', `no message of ${queue} has the id ${JSON.stringify(id)}`, {
      hint: 'mq dlq list shows them all',
    });
  if (other) throw new MqError('USAGE', `several messages of ${queue} have the id ${JSON.stringify(id)}`);
  return letter;
}

/** Returns `undefined` if the text is unchanged. Throws BAD_DATA for a text that the user does not want to correct. */
async function editUntilValid(file: EditedFile, document: Buffer): Promise<EditedLetter | undefined> {
  for (;;) {
    const text = await file.edit();
    if (text.equals(document)) return undefined;
    try {
      return editedLetterOf(text);
    } catch (error) {
      if (!(error instanceof MqError) || !(await file.editsAgain(error.message))) throw error;
    }
  }
}

/** Returns the letter with the edited headers and body, and with the headers of dead-lettering, which name its origin. */
function withChanges(letter: RawMessage, { headers, body }: EditedLetter): RawMessage {
  const { properties } = letter;
  const before = properties.headers ?? {};
  const ofDeath = without(before, Object.keys(withoutDeadLetterHeaders(before, false)));
  return { ...letter, content: body, properties: { ...properties, headers: { ...headers, ...ofDeath } } };
}

interface Replacement {
  readonly settings: EditSettings;
  readonly letter: RawMessage;
  readonly copyOf: () => Promise<OutgoingMessage | MqError>;
  readonly publisher: Pick<Publisher, 'publish'>;
}

/** Sends the edited message and removes the letter. Returns the number of other letters, or `undefined` without it. */
async function replaceLetter(
  context: Context,
  session: Session,
  { settings, letter, copyOf, publisher }: Replacement,
): Promise<number | undefined> {
  const letters = await openLetters(context, session, settings);
  try {
    for await (const message of letters.messages()) {
      if (!isSame(message.raw, letter)) {
        message.leave();
        continue;
      }
      await send(message, await copyOf(), publisher);
      await letters.flush();
      return letters.total - 1;
    }
    return undefined;
  } finally {
    await letters.close();
  }
}

async function send(
  message: BrowsedMessage,
  copy: OutgoingMessage | MqError,
  publisher: Pick<Publisher, 'publish'>,
): Promise<void> {
  const sent = copy instanceof MqError ? undefined : await publisher.publish(copy);
  if (sent?.type === 'confirmed') return message.remove();
  message.leave();
  throw sent === undefined ? copy : sent.error;
}

/** Compares two deliveries of a message. The broker changes its counters with each delivery. */
function isSame(one: RawMessage, other: RawMessage): boolean {
  return one.content.equals(other.content) && keptParts(one) === keptParts(other);
}

function keptParts({ properties }: RawMessage): string {
  const headers = without(properties.headers ?? {}, ['x-delivery-count', 'x-acquired-count']);
  return JSON.stringify([taggedProperties(properties), taggedFields(headers)]);
}
