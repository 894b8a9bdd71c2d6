// A message on its way to the broker, and its outcome.

import type { MqError } from '../errors.ts';
import { time } from '../time.ts';
import type { Properties } from './raw-message.ts';

/** Outcome of one message. `error` is the reason. */
export type PublishOutcome =
  | { readonly type: 'confirmed' }
  | { readonly type: 'refused'; readonly error: MqError }
  | { readonly type: 'in doubt'; readonly error: MqError };

/** A message that can be written to a channel. */
export interface WritableMessage {
  /** Name of the exchange. '' is the default exchange. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Properties;
  readonly mandatory: boolean;
  /** Name of the operation in the span of the message. Default: `publish`. */
  readonly operation?: 'reply' | 'retry' | 'dead-letter';
  /** This message without the headers of a trace. It is sent if its headers do not fit into one frame with them. */
  readonly withoutTrace?: WritableMessage;
}

export interface OutgoingMessage extends WritableMessage {
  /**
   * Properties with a messageId. It should be unique, because messages with equal ids, or without one, are sent one after
   * the other (window.ts).
   */
  readonly properties: Properties & { readonly messageId: string };
  /** `true` if other messages may have the same messageId, because mq did not choose it. Default `false`. */
  readonly hasFixedId?: boolean;
}

/**
 * Creates messages that differ only in the body and the message-id, so that the codec can encode the rest once. The
 * message-ids are unique and ordered: one random part for the series, and a number.
 */
export class MessageSeries {
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  /** Properties without a message-id. */
  readonly properties: Properties;
  readonly idStart = `${time.randomUUID()}-`;
  #count = 0;

  constructor({
    exchange,
    routingKey,
    mandatory,
    properties,
  }: Omit<OutgoingMessage, 'body' | 'properties'> & { readonly properties: Properties }) {
    this.exchange = exchange;
    this.routingKey = routingKey;
    this.mandatory = mandatory;
    this.properties = properties;
  }

  /** Returns the next message. */
  message(body: Buffer): SeriesMessage {
    this.#count += 1;
    return new SeriesMessage(this, this.#count, body);
  }
}

/** A message of a series. No other message has its message-id. */
export class SeriesMessage implements OutgoingMessage {
  readonly series: MessageSeries;
  /** Number of the message in its series, from 1. It ends the message-id. */
  readonly number: number;
  readonly body: Buffer;

  constructor(series: MessageSeries, number: number, body: Buffer) {
    this.series = series;
    this.number = number;
    this.body = body;
  }

  get exchange(): string {
    return this.series.exchange;
  }

  get routingKey(): string {
    return this.series.routingKey;
  }

  get mandatory(): boolean {
    return this.series.mandatory;
  }

  get properties(): OutgoingMessage['properties'] {
    return { ...this.series.properties, messageId: `${this.series.idStart}${this.number}` };
  }
}
