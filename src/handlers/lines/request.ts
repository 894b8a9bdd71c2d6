// Builds the line that a long-lived handler receives for a message or a batch, and parses the answer.

import type { Output } from '../../context.ts';
import { messageJson } from '../exec-message.ts';
import type { Message } from '../handler.ts';
import { type BatchAnswer, outcomeOfAnswer, outcomesOfAnswer } from './answer.ts';

export interface LineRequest {
  /** Number of messages. */
  readonly size: number;
  /** Opens the stream for stderr, if the request contains only one message. */
  readonly openStderr?: () => Output;
  line(id: number): Buffer;
  /** Returns one outcome for each message, or why the line is not an answer to this request. */
  read(answer: Readonly<Record<string, unknown>>, id: number): BatchAnswer | string;
}

/** Returns a request for one message: `{"id":7,` followed by the JSON that --exec passes on descriptor 3. */
export function messageRequest(message: Message, isReply: boolean): LineRequest {
  return {
    size: 1,
    line: (id) => Buffer.concat([withId(id, message), newline]),
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
      const all = messages.flatMap((message, index) => [comma, withId(index + 1, message)]).slice(1);
      return Buffer.concat([Buffer.from(`{"id":${id},"batch":[`), ...all, Buffer.from(']}'), newline]);
    },
    read: (answer, id) => outcomesOfAnswer(answer, { id, isReply, size: messages.length }),
  };
}

const newline = Buffer.from('\n');
const comma = Buffer.from(',');

function withId(id: number, message: Message): Buffer {
  const json = messageJson(message);
  // Some line readers also end a line at U+2028 and U+2029.
  const isSafe = !json.includes('\u2028') && !json.includes('\u2029');
  const safe = isSafe
    ? json
    : Buffer.from(json.toString().replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029'));
  return Buffer.concat([Buffer.from(`{"id":${id},`), safe.subarray(1)]);
}
