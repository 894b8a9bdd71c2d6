// Builds the line that a long-lived handler receives for a message or a batch, and parses the answer.

import type { Output } from '../../context.ts';
import { time } from '../../time.ts';
import { messageParts } from '../exec-message.ts';
import type { Message } from '../handler.ts';
import { type BatchAnswer, outcomeOfAnswer, outcomesOfAnswer } from './answer.ts';

export interface LineRequest {
  /** Number of messages. */
  readonly size: number;
  /** Opens the stream for stderr, if the request contains only one message. */
  readonly openStderr?: () => Output;
  line(id: number): string | Buffer;
  /** Returns one outcome for each message, or why the line is not an answer to this request. */
  read(answer: Readonly<Record<string, unknown>>, id: number): BatchAnswer | string;
}

/** Returns a request for one message: `{"id":7,"body":…}`. */
export function messageRequest(message: Message, isReply: boolean, openStderr: () => Output): LineRequest {
  return {
    size: 1,
    openStderr,
    line: (id) => `${withId(id, message)}\n`,
    read: (answer, id) => {
      const outcome = outcomeOfAnswer(answer, { id, isReply });
      return typeof outcome === 'string' ? outcome : { outcomes: [outcome], faults: [] };
    },
  };
}

/** Returns a request for a batch: `{"id":7,"batch":[{"id":1,…},{"id":2,…}]}`. The ids in the batch count from 1. */
export function batchRequest(messages: readonly Message[], isReply: boolean): LineRequest {
  return {
    size: messages.length,
    line: (id) => {
      // Buffers, because one string is limited to 512 MiB.
      const all = messages.map((message, index) => Buffer.from(`${index > 0 ? ',' : ''}${withId(index + 1, message)}`));
      return Buffer.concat([Buffer.from(`{"id":${id},"batch":[`), ...all, Buffer.from(']}\n')]);
    },
    read: (answer, id) => outcomesOfAnswer(answer, { id, isReply, size: messages.length }),
  };
}

/**
 * Returns an id that a message cannot predict, so that a program that prints a body cannot answer by accident. A JSON
 * number represents it exactly.
 */
export function unguessableId(): number {
  return time.randomBytes(6).readUIntBE(0, 6) + 1;
}

/** Returns the JSON that --exec passes on descriptor 3, with an id in front. */
function withId(id: number, message: Message): string {
  const json = JSON.stringify({ id, ...messageParts(message), attempt: message.attempt });
  // Some line readers also end a line at U+2028 and U+2029.
  return /[\u2028\u2029]/.test(json) ? json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029') : json;
}
