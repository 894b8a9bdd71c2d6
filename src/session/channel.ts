// Defines the channels of a broker connection: amqplib's channels with the message types of mq's codec.

import type { Duplex } from 'node:stream';
import type { Channel as AmqplibChannel } from 'amqplib/callback_api';
import type { WritableMessage } from './outgoing-message.ts';
import type { RawMessage } from './raw-message.ts';

type Callback<T> = (error: Error | null, ok: T) => void;
type Redefined = 'connection' | 'consume' | 'get' | 'ack' | 'nack' | 'reject' | 'publish';

export interface Channel extends Omit<AmqplibChannel, Redefined> {
  /** amqplib declares its outer connection here, but the value is the inner one, which has the socket. */
  readonly connection: {
    readonly stream: Duplex & { readonly bytesWritten?: number };
    /** Absent until the login is complete. */
    readonly serverProperties?: Readonly<Record<string, unknown>>;
  };
  consume(
    queue: string,
    onMessage: (message: RawMessage | null) => void,
    options: object,
    next: Callback<{ consumerTag: string }>,
  ): void;
  get(queue: string, options: { noAck: boolean }, next: Callback<RawMessage | false>): void;
  /** Sends a method without waiting for an answer. `method` is the number of its class and its own (amqplib: defs.js). */
  sendImmediately(method: number, fields: object): void;
  ack(message: { readonly fields: Pick<RawMessage['fields'], 'deliveryTag'> }, allUpTo: boolean): void;
  nack(message: RawMessage, allUpTo: boolean, requeue: boolean): void;
  reject(message: RawMessage, requeue: boolean): void;
}

export interface ConfirmChannel extends Channel {
  /** Sends a message with the given fields and properties. Throws IllegalOperationError if the channel is closed. */
  sendMessage(fields: WritableMessage, properties: WritableMessage, body: Buffer): boolean;
}
