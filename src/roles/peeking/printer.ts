// Prints the messages of mq peek as they are in the queue, with all headers.

import type { Output } from '../../context.ts';
import { messageParts } from '../../handlers/exec-message.ts';
import type { RawMessage } from '../../session/wire.ts';
import { utf8 } from '../message.ts';
import { type Cells, type Looks, RowPrinter } from '../rows.ts';

interface PeekedMessage {
  readonly raw: RawMessage;
  /** Queue that contains the message. */
  readonly queue: string;
}

const cells: Cells<PeekedMessage> = {
  offset: ({ raw }) => {
    const offset = raw.properties.headers?.['x-stream-offset'];
    return typeof offset === 'number' ? offset : undefined;
  },
  id: ({ raw }) => raw.properties.messageId,
  exchange: ({ raw }) => raw.fields.exchange || undefined,
  key: ({ raw }) => raw.fields.routingKey,
  bytes: ({ raw }) => raw.content.length,
  redelivered: ({ raw }) => String(raw.fields.redelivered),
  body: ({ raw }) => bodyText(raw.content),
};
const all = ['id', 'exchange', 'key', 'bytes', 'redelivered', 'body'];
/** Columns that fit on a terminal of the usual width. */
const few = ['key', 'bytes', 'body'];
const wide = 120;
/** Bytes of a body that the table shows. `--json` prints all of it. */
const mostShown = 1000;

export function peekPrinter(
  stdout: Output,
  { isStream, ...looks }: Looks & { readonly isStream: boolean },
): RowPrinter<PeekedMessage> {
  return new RowPrinter(stdout, {
    ...looks,
    cells,
    columns: (width = wide) => [...(isStream ? ['offset'] : []), ...(width >= wide ? all : few)],
    jsonOf: ({ raw: { content: body, fields, properties }, queue }) => {
      const { exchange, routingKey, redelivered } = fields;
      const { headers = {}, unreadable, ...others } = properties;
      const message = { body, fields: { exchange, routingKey, redelivered, queue }, properties: others, headers };
      return { ...messageParts({ ...message, attempt: 1 }), ...(unreadable !== undefined && { unreadable }) };
    },
  });
}

function bodyText(body: Buffer): string {
  const text = utf8(body);
  if (text === undefined) return `(base64) ${body.subarray(0, mostShown).toString('base64')}`;
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
}
