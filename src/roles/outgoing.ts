// One message to send, from a body, the publication and the options of the command line.

import { randomUUID } from 'node:crypto';
import type { OutgoingMessage } from '../session/publisher.ts';
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

/** Gives the function that makes a message of a body; all but the body and the id is worked out once. */
export function outgoing(parts: OutgoingParts): (body: Buffer) => OutgoingMessage {
  const { destination, properties, persistent, mandatory, nextId } = parts;
  const {
    headers,
    persistent: byPublication,
    mandatory: _,
    ...options
  } = destination.options as Properties & { persistent?: boolean; mandatory?: boolean };
  const durable = persistent ?? byPublication ?? true;
  const merged: Properties = { deliveryMode: durable ? 2 : 1, ...options, ...properties };
  if (headers || properties.headers) merged.headers = { ...headers, ...properties.headers };
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

/** Unique and in order: one random part for the process and a number. */
export function messageIds(): () => string {
  const base = randomUUID();
  let number = 0;
  return () => {
    number += 1;
    return `${base}-${number}`;
  };
}
