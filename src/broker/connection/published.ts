// Creates a message from the content of a publish, and checks the properties that the broker itself uses.

import { changeProperties, type Scan, scanProperties } from '../codec/properties.ts';
import { typeNames } from '../codec/table.ts';
import { ProtocolError } from '../protocol-error.ts';
import { longestMs } from '../queue/arguments.ts';
import { Message } from '../queue/message.ts';
import type { User } from '../vhost/users.ts';
import { replyQueue } from './reply-to.ts';

const persistentMode = 2;

/** The publisher of a message: a channel, or a request of the management API. */
interface Publishing {
  readonly connection: { readonly user: Pick<User, 'name' | 'tags'> };
  readonly replyAddress: string | undefined;
}

/** Returns the message of a publish. Throws 406 for properties that RabbitMQ refuses. */
export function publishedMessage(
  content: { readonly bytes: Buffer; readonly more: readonly Buffer[]; readonly propertiesLength: number },
  { exchange, routingKey, channel }: { exchange: string; routingKey: string; channel: Publishing },
): Message {
  const { bytes, more, propertiesLength } = content;
  const scan = scanProperties(bytes, 0, propertiesLength);
  const parts = {
    exchange,
    routingKey,
    content: bytes,
    more,
    propertiesLength,
    persistent: scan.deliveryMode === persistentMode,
    priority: scan.priority,
    expirationMs: scan.expiration === undefined ? undefined : expirationMs(scan.expiration),
  };
  const { name } = channel.connection.user;
  if (scan.userId !== undefined && scan.userId !== name && !channel.connection.user.tags.includes('impersonator')) {
    throw new ProtocolError(
      'PRECONDITION_FAILED',
      `user_id property set to '${scan.userId}' but authenticated user was '${name}'`,
    );
  }
  if (scan.cc === undefined && scan.bcc === undefined && scan.replyTo !== replyQueue) return new Message(parts);
  return changedMessage(parts, scan, channel);
}

function changedMessage(
  parts: Omit<ConstructorParameters<typeof Message>[0], 'moreKeys'>,
  scan: Scan,
  channel: Publishing,
): Message {
  const hiddenKeys = routingKeys('BCC', scan.bcc);
  const moreKeys = [...routingKeys('CC', scan.cc), ...hiddenKeys];
  const changes: Parameters<typeof changeProperties>[2] = {};
  if (scan.bcc !== undefined) changes.headers = { BCC: undefined };
  if (scan.replyTo === replyQueue) {
    const replyTo = channel.replyAddress;
    if (replyTo === undefined) throw new ProtocolError('PRECONDITION_FAILED', 'fast reply consumer does not exist');
    changes.replyTo = replyTo;
  }
  const properties = changeProperties(parts.content, parts.propertiesLength, changes);
  return new Message({
    ...parts,
    content: Buffer.concat([properties, parts.content.subarray(parts.propertiesLength)]),
    propertiesLength: properties.length,
    moreKeys: moreKeys.length > 0 ? moreKeys : undefined,
    hiddenKeys,
  });
}

function expirationMs(text: string): number {
  const digits = /^[+-]?\d+/.exec(text)?.[0];
  if (digits === undefined) throw badExpiration(text, 'no_integer');
  if (digits.length < text.length) throw badExpiration(text, `{leftover_string,"${text.slice(digits.length)}"}`);
  const value = Number(digits);
  if (value < 0) throw badExpiration(text, `{value_negative,${value}}`);
  if (value > longestMs) throw badExpiration(text, `{value_too_large,${digits}}`);
  return value;
}

function badExpiration(text: string, why: string): ProtocolError {
  return new ProtocolError('PRECONDITION_FAILED', `invalid expiration '${text}': ${why}`);
}

/** Returns the routing keys in the header CC or BCC (https://www.rabbitmq.com/docs/sender-selected). */
function routingKeys(header: string, field: Scan['cc']): string[] {
  if (field === undefined) return [];
  if (!Array.isArray(field.value)) {
    const type = typeNames[field.type] ?? field.type;
    throw new ProtocolError(
      'PRECONDITION_FAILED',
      `invalid message: {unacceptable_type_in_header,"${header}",${type}}`,
    );
  }
  const keys = field.value.filter((key) => typeof key === 'string');
  // RabbitMQ accepts longer keys. This broker refuses them, because the cost of a match grows with the number of words.
  if (keys.some((key) => Buffer.byteLength(key) > 255)) {
    throw new ProtocolError('PRECONDITION_FAILED', `invalid message: {routing_key_too_long,"${header}"}`);
  }
  return keys;
}
