// Builds a message to send from a body, the publication and the options of the command line.

import { randomUUID } from '../random-uuid.ts';
import type { OutgoingMessage } from '../session/outgoing-message.ts';
import type { Destination } from '../session/session.ts';
import type { Properties } from '../session/wire.ts';

export interface OutgoingParts {
  readonly destination: Destination;
  readonly nextId: () => string;
  readonly routingKey: string | undefined;
  readonly properties: Properties;
  readonly persistent: boolean | undefined;
  readonly mandatory: boolean;
}

/** Options of a publication in rascal.json: message properties and other options. */
type PublicationOptions = Omit<Properties, 'deliveryMode'> & {
  readonly persistent?: boolean;
  readonly deliveryMode?: number | boolean;
  readonly mandatory?: boolean;
  readonly CC?: unknown;
  readonly BCC?: unknown;
};

/** Returns the keys as a list of strings. RabbitMQ: CC and BCC are lists of routing keys. */
function textList(keys: unknown): string[] {
  return [keys].flat().map(String);
}

/** Returns a function that builds a message from a body. Everything except the body and the id is computed once. */
export function outgoing(parts: OutgoingParts): (body: Buffer) => OutgoingMessage {
  const { destination, properties, persistent, mandatory, nextId } = parts;
  const {
    persistent: byPublication,
    deliveryMode = byPublication ?? true,
    mandatory: _,
    CC,
    BCC,
    ...options
    // config/rules/shape.ts has checked the options.
  } = destination.options as PublicationOptions;
  const mode = persistent ?? deliveryMode;
  const merged: Properties = { ...options, deliveryMode: Number(mode) === 2 || mode === true ? 2 : 1, ...properties };
  const copies = { ...(CC !== undefined && { CC: textList(CC) }), ...(BCC !== undefined && { BCC: textList(BCC) }) };
  const headers = { ...options.headers, ...properties.headers, ...copies };
  if (Object.keys(headers).length > 0) merged.headers = headers;
  const { exchange } = destination;
  const routingKey = parts.routingKey ?? destination.routingKey;
  const { messageId } = properties;
  return (body) => ({
    exchange,
    routingKey,
    body,
    properties: { ...merged, messageId: messageId ?? nextId() },
    mandatory,
  });
}

/** Returns a generator of unique, ordered ids: one random part for the process, and a number. */
export function messageIds(): () => string {
  const base = randomUUID();
  let number = 0;
  return () => {
    number += 1;
    return `${base}-${number}`;
  };
}
