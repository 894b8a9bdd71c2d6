// Builds a message to send from a body, the publication and the options of the command line.

import { MessageSeries, type OutgoingMessage } from '../session/outgoing-message.ts';
import type { Destination } from '../session/session.ts';
import type { Properties } from '../session/wire.ts';
import { time } from '../time.ts';

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
export function outgoing({ nextId, ...parts }: OutgoingParts): (body: Buffer) => OutgoingMessage {
  const { properties, ...envelope } = envelopeOf(parts);
  const { messageId } = parts.properties;
  const hasFixedId = messageId !== undefined;
  return (body) => ({ ...envelope, body, hasFixedId, properties: { ...properties, messageId: messageId ?? nextId() } });
}

/** Like `outgoing`, for many messages. Their message-ids are unique unless the properties contain one. */
export function outgoingSeries(parts: Omit<OutgoingParts, 'nextId'>): (body: Buffer) => OutgoingMessage {
  const { messageId } = parts.properties;
  if (messageId !== undefined) return outgoing({ ...parts, nextId: () => messageId });
  const series = new MessageSeries(envelopeOf(parts));
  return (body) => series.message(body);
}

/** Returns a message without its body and its message-id. */
function envelopeOf(parts: Omit<OutgoingParts, 'nextId'>): ConstructorParameters<typeof MessageSeries>[0] {
  const { destination, properties, persistent, mandatory } = parts;
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
  const routingKey = parts.routingKey ?? destination.routingKey;
  return { exchange: destination.exchange, routingKey, properties: merged, mandatory };
}

/** Returns a generator of unique, ordered ids: one random part for the process, and a number. */
export function messageIds(): () => string {
  const base = time.randomUUID();
  let number = 0;
  return () => {
    number += 1;
    return `${base}-${number}`;
  };
}
