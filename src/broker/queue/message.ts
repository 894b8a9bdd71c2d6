// One message, shared by all queues that hold it.

import type { Arguments } from '../codec/arguments.ts';
import { type BasicProperties, changeProperties, decodeHeaders, decodeProperties } from '../codec/properties.ts';
import type { FieldValue } from '../codec/table.ts';
import type { Death } from '../store/contract.ts';
import type { Slab } from './contents.ts';

interface MessageParts {
  exchange: string;
  routingKey: string;
  /** Property flags and values, then the body. The buffer must not change afterwards. */
  content: Buffer;
  /** The slices of a large body, which follow `content`. */
  more?: readonly Buffer[] | undefined;
  propertiesLength: number;
  persistent: boolean;
  /** `undefined` if the message has no priority. */
  priority: number | undefined;
  /** The time to live from the property `expiration`. */
  expirationMs: number | undefined;
  /** Further routing keys, from the headers CC and BCC. */
  moreKeys?: readonly string[] | undefined;
  /** The routing keys from the header BCC, which consumers do not see. */
  hiddenKeys?: readonly string[] | undefined;
  /** The deaths of the message, the newest first. RabbitMQ 4: an `x-death` header of a client is ignored. */
  deaths?: readonly Death[] | undefined;
}

const noSlices: readonly Buffer[] = [];

export class Message {
  readonly exchange: string;
  readonly routingKey: string;
  /** When the first queue holds the message, `Contents` may replace this buffer by a copy. */
  content: Buffer;
  /** The slices of a large body, which follow `content`. Most messages have none. */
  readonly more: readonly Buffer[];
  /** The slab that contains the content while queues hold the message; `undefined` if the content has a separate buffer. */
  slab: Slab | undefined = undefined;
  readonly propertiesLength: number;
  readonly bodyLength: number;
  readonly persistent: boolean;
  readonly priority: number | undefined;
  readonly expirationMs: number | undefined;
  readonly moreKeys: readonly string[] | undefined;
  readonly hiddenKeys: readonly string[] | undefined;
  readonly deaths: readonly Death[] | undefined;
  /** The number of queues that hold the message. Its memory counts once. */
  holders = 0;

  constructor(parts: MessageParts) {
    this.exchange = parts.exchange;
    this.routingKey = parts.routingKey;
    this.content = parts.content;
    this.more = parts.more ?? noSlices;
    this.propertiesLength = parts.propertiesLength;
    this.bodyLength = parts.content.length - parts.propertiesLength;
    for (const slice of this.more) this.bodyLength += slice.length;
    this.persistent = parts.persistent;
    this.priority = parts.priority;
    this.expirationMs = parts.expirationMs;
    this.moreKeys = parts.moreKeys;
    this.hiddenKeys = parts.hiddenKeys;
    this.deaths = parts.deaths;
  }

  get contentLength(): number {
    return this.propertiesLength + this.bodyLength;
  }

  body(): Buffer {
    const first = this.content.subarray(this.propertiesLength);
    return this.more.length === 0 ? first : Buffer.concat([first, ...this.more]);
  }

  /** Decodes the properties. The result is not cached. */
  properties(): BasicProperties {
    return decodeProperties(this.content, 0, this.propertiesLength);
  }

  headers(): Arguments {
    return decodeHeaders(this.content, this.propertiesLength);
  }

  /** Returns the content with changed properties. Does not copy the slices of a large body. */
  changedContent(changes: {
    expiration?: undefined;
    replyTo?: string;
    headers?: Record<string, FieldValue | undefined>;
  }): {
    content: Buffer;
    more: readonly Buffer[];
    propertiesLength: number;
  } {
    const properties = changeProperties(this.content, this.propertiesLength, changes);
    const content = Buffer.concat([properties, this.content.subarray(this.propertiesLength)]);
    return { content, more: this.more, propertiesLength: properties.length };
  }
}
