// One message, shared by all queues that hold it.

import type { Arguments } from '../codec/arguments.ts';
import { type BasicProperties, changeProperties, decodeHeaders, decodeProperties } from '../codec/properties.ts';
import type { FieldValue } from '../codec/table.ts';
import type { Death } from '../store/contract.ts';
import type { Slab } from './contents.ts';

export interface MessageParts {
  exchange: string;
  routingKey: string;
  /** Property flags and values, then the body: bytes that nobody else writes to. */
  content: Buffer;
  propertiesLength: number;
  persistent: boolean;
  /** undefined: the message names none. */
  priority: number | undefined;
  /** The message's own time to live. */
  expirationMs: number | undefined;
  /** Further routing keys: of the headers CC and BCC. */
  moreKeys?: readonly string[] | undefined;
  /** Those of them that came by BCC, and are not told to consumers. */
  hiddenKeys?: readonly string[] | undefined;
  /** The newest first. RabbitMQ 4: what a client writes into `x-death` itself is not among them. */
  deaths?: readonly Death[] | undefined;
}

export class Message {
  readonly exchange: string;
  readonly routingKey: string;
  /** `Contents` moves it when a queue takes the message. */
  content: Buffer;
  /** Where the content lies while queues hold it; undefined for a buffer of its own. */
  slab: Slab | undefined = undefined;
  readonly propertiesLength: number;
  readonly persistent: boolean;
  readonly priority: number | undefined;
  readonly expirationMs: number | undefined;
  readonly moreKeys: readonly string[] | undefined;
  readonly hiddenKeys: readonly string[] | undefined;
  readonly deaths: readonly Death[] | undefined;
  /** How many queues hold it: its memory counts once. */
  holders = 0;

  constructor(parts: MessageParts) {
    this.exchange = parts.exchange;
    this.routingKey = parts.routingKey;
    this.content = parts.content;
    this.propertiesLength = parts.propertiesLength;
    this.persistent = parts.persistent;
    this.priority = parts.priority;
    this.expirationMs = parts.expirationMs;
    this.moreKeys = parts.moreKeys;
    this.hiddenKeys = parts.hiddenKeys;
    this.deaths = parts.deaths;
  }

  get bodyLength(): number {
    return this.content.length - this.propertiesLength;
  }

  body(): Buffer {
    return this.content.subarray(this.propertiesLength);
  }

  /** Decoded at each call. */
  properties(): BasicProperties {
    return decodeProperties(this.content, 0, this.propertiesLength);
  }

  headers(): Arguments {
    return decodeHeaders(this.content, this.propertiesLength);
  }

  /** The content with changed properties, as a copy. */
  changedContent(changes: {
    expiration?: undefined;
    replyTo?: string;
    headers?: Record<string, FieldValue | undefined>;
  }): {
    content: Buffer;
    propertiesLength: number;
  } {
    const properties = changeProperties(this.content, this.propertiesLength, changes);
    return { content: Buffer.concat([properties, this.body()]), propertiesLength: properties.length };
  }
}
