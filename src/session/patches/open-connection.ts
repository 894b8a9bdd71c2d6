// Describes an open connection of amqplib 2.3.1 as it is at run time. The types of amqplib (callback_api.d.ts) do not
// declare that the inner connection is an event emitter and has the socket.

import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import type { Channel } from 'amqplib/callback_api';
import { MqError } from '../../errors.ts';

export interface OpenConnection extends EventEmitter {
  readonly connection: EventEmitter & {
    readonly stream: Duplex;
    /** `undefined` if the broker wants no heartbeats. */
    readonly heartbeater?: { clear(): void };
    /** `true` between connection.blocked and connection.unblocked. */
    readonly blocked?: boolean;
    readonly serverProperties?: Readonly<Record<string, unknown>>;
  };
  createChannel(next: ChannelCallback): void;
  createConfirmChannel(next: ChannelCallback): void;
  /** Renews the password of the login (connection.update-secret). `next` is not called if the broker refuses it. */
  updateSecret(secret: Buffer, reason: string, next: () => void): void;
  close(next: CloseCallback): void;
}

type ChannelCallback = (error: unknown, channel?: Channel) => void;
export type CloseCallback = (error?: Error | null) => void;

/** Methods of a connection that open a channel. */
export const channelMethods = ['createChannel', 'createConfirmChannel'] as const;

/** Returns the connection that amqplib passes to the callback of `connect`. Throws if it has another shape. */
export function openConnectionOf(value: unknown): OpenConnection {
  if (!isOpenConnection(value)) throw new MqError('BUG', 'this version of amqplib has other connections');
  return value;
}

/**
 * Destroys the socket at once. With an error, requests without an answer fail, and the channels and the connection emit
 * `close`. Without one, amqplib 2.3.1 (connection.js) does not notice, and its heartbeats would keep the process alive for
 * two more intervals.
 */
export function destroyConnection({ connection }: OpenConnection, error?: Error): void {
  connection.heartbeater?.clear();
  connection.stream.destroy(error);
}

function isOpenConnection(value: unknown): value is OpenConnection {
  if (!(value instanceof EventEmitter) || !('connection' in value)) return false;
  const { connection } = value;
  return connection instanceof EventEmitter && 'stream' in connection && connection.stream instanceof Duplex;
}
