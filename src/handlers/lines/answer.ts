// Parses the answers of a long-lived handler. An answer is one line of JSON: `{"id":7,"outcome":"ack","reply":"…"}`.

import { isObject, type Plain } from '../../config/plain.ts';
import type { Outcome, Reply } from '../handler.ts';
import { isOutcomeWord, outcomeOfWord } from '../outcome-word.ts';
import { isTooLarge, replyTooLarge } from '../process/output.ts';
import { thrownReason } from '../reason.ts';

/** Parses a line as a JSON object. Returns `undefined` if it is not one. */
export function objectOfLine(line: string): Plain | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the outcome in the answer to message `id`, or a string with the reason why the answer is invalid. */
export function outcomeOfAnswer(answer: Plain, { id, isReply }: { id: number; isReply: boolean }): Outcome | string {
  if (!isAnswerTo(answer, id)) return `an answer to another id: ${shown(answer['id'])}`;
  const { outcome: type, reason, requeue } = answer;
  if (type === 'ack') return isReply ? acked(answer) : { type };
  if (isOutcomeWord(type)) return outcomeOfWord(type, { reason, requeue });
  return type === undefined ? 'an answer without an outcome' : `an unknown outcome: ${shown(type)}`;
}

/** Outcomes of an answer, one for each message. `faults` describes the invalid parts of the answer. */
export interface BatchAnswer {
  readonly outcomes: readonly Outcome[];
  readonly faults: readonly string[];
}

/**
 * Returns the outcomes for a batch of `size`. The ids count from 1: `{"id":7,"outcomes":[{"id":1,"outcome":"ack"},…]}`;
 * a single `outcome` applies to all messages. A message without a valid outcome is retried and does not affect the
 * others. If the line is not an answer to this batch, returns a string with the reason.
 */
export function outcomesOfAnswer(
  answer: Plain,
  { id, isReply, size }: { id: number; isReply: boolean; size: number },
): BatchAnswer | string {
  const { outcomes } = answer;
  if (outcomes === undefined) {
    const outcome = outcomeOfAnswer(answer, { id, isReply });
    if (typeof outcome === 'string') return outcome;
    return { outcomes: Array.from({ length: size }, () => outcome), faults: [] };
  }
  if (!isAnswerTo(answer, id)) return `an answer to another id: ${shown(answer['id'])}`;
  if (!Array.isArray(outcomes)) return `outcomes that are not a list: ${shown(outcomes)}`;
  const found = new Map<number, Outcome | string>();
  const faults: string[] = [];
  for (const own of outcomes) {
    if (!isObject(own)) {
      faults.push(`an outcome that is not an object: ${shown(own)}`);
      continue;
    }
    const position = Number(own['id']);
    if (!(Number.isInteger(position) && position >= 1 && position <= size))
      faults.push(`an id that is not in the batch: ${shown(own['id'])}`);
    // Two outcomes for one message may contradict each other.
    else found.set(position, found.has(position) ? 'two outcomes' : outcomeOfAnswer(own, { id: position, isReply }));
  }
  const read = Array.from({ length: size }, (_, index): Outcome => {
    const outcome = found.get(index + 1) ?? 'no outcome';
    if (typeof outcome !== 'string') return outcome;
    faults.push(`${outcome} for id ${index + 1}`);
    return { type: 'retry', reason: `the answer to the batch has ${outcome} for this message` };
  });
  return { outcomes: read, faults };
}

function isAnswerTo(answer: Plain, id: number): boolean {
  return answer['id'] === id || answer['id'] === String(id);
}

function acked(answer: Plain): Outcome | string {
  const { reply, encoding = 'utf8', contentType } = answer;
  if (encoding !== 'utf8' && encoding !== 'base64') return `an unknown encoding: ${shown(encoding)}`;
  if (reply === undefined || reply === null) return { type: 'ack' };
  if (encoding === 'base64' && !isBase64(reply)) return 'a reply that is not base64';
  const made = replyOf(reply, encoding);
  if (isTooLarge(made.body.length)) return replyTooLarge;
  return {
    type: 'ack',
    reply: typeof contentType === 'string' && contentType !== '' ? { ...made, contentType } : made,
  };
}

function replyOf(reply: unknown, encoding: 'utf8' | 'base64'): Reply {
  if (typeof reply !== 'string') return { body: Buffer.from(JSON.stringify(reply)), contentType: 'application/json' };
  const body = Buffer.from(reply, encoding);
  return { body, contentType: encoding === 'utf8' ? 'text/plain' : 'application/octet-stream' };
}

function isBase64(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0;
}

function shown(value: unknown): string {
  return thrownReason(JSON.stringify(value) ?? 'none').slice(0, 100);
}
