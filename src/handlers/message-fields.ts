// Defines the fields that every log line about a message has.

import type { Message } from './handler.ts';

/** Returns the fields that identify a message in the log: its id, its queue, and the number of the attempt. */
export function messageFields({ properties, fields, attempt }: Message): {
  messageId: string | undefined;
  queue: string;
  attempt: number;
} {
  return { messageId: properties.messageId, queue: fields.queue, attempt };
}
