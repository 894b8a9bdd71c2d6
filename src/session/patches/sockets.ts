// Captures the connections of amqplib when they are created, because Rascal does not expose them. They can then be
// destroyed if a graceful close is impossible, they write with few system calls, and they do not wait forever for a
// node that does not answer.

import type { Duplex } from 'node:stream';
import type { Connection } from 'amqplib/callback_api';
import amqplib from 'amqplib/callback_api';
import { MqError } from '../../errors.ts';
import { answerCloses } from './closing.ts';

/** Milliseconds that a node may take for operations it should answer at once: a declaration, a consumer, a channel. */
export const answerMs = 15_000;

interface Known {
  readonly name: string | undefined;
  readonly connection: Connection;
  /** Runs until everything is declared. */
  readonly clock: NodeJS.Timeout;
}
const connections = new Set<Known>();
/** By connection_name: connections ended because the node did not answer. Rascal does not report this. */
const silences = new Map<string, MqError>();

/** Call this when everything is declared on the connections with this name. */
export function stopClocks(name: string): void {
  silences.delete(name);
  for (const entry of connections) if (entry.name === name) clearTimeout(entry.clock);
}

/**
 * Returns the error if a connection with this name was ended because its node did not answer the declarations. Each
 * error is returned once.
 */
export function takeSilence(name: string): MqError | undefined {
  const silence = silences.get(name);
  silences.delete(name);
  return silence;
}

const connect = amqplib.connect;
amqplib.connect = (url, socketOptions, next) => {
  connect(url, socketOptions, (error, connection) => {
    if (connection) {
      const name = socketOptions?.clientProperties?.connection_name;
      // RabbitMQ: a node without a majority accepts a connection but does not answer declarations.
      const silent = new MqError('UNAVAILABLE', `the node has not answered in ${answerMs / 1000} s (declarations)`);
      const clock = setTimeout(() => {
        silences.set(name ?? '', silent);
        connection.connection.stream.destroy(silent);
      }, answerMs);
      const entry: Known = { name, connection, clock };
      connections.add(entry);
      refuseByCallback(connection);
      answerCloses(connection);
      gatherWrites(connection.connection.stream);
      connection.once('close', () => {
        clearTimeout(clock);
        connections.delete(entry);
      });
    }
    next(error, connection);
  });
};

/** Writes all frames of one event-loop turn with one system call. amqplib makes one call for each message and ack. */
function gatherWrites(stream: Duplex): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let gathering = false;
  stream.write = (...args: unknown[]) => {
    if (!gathering) {
      gathering = true;
      stream.cork();
      setImmediate(() => {
        gathering = false;
        stream.uncork();
      });
    }
    return write(...args);
  };
}

/**
 * Reports an error of createChannel through its callback. amqplib throws if the connection has just closed, and Rascal
 * calls it in a microtask, where the error is not caught. The broker's own close (320, shutdown) closes the channels
 * first, so a publisher opens a new channel at exactly that time.
 */
function refuseByCallback(connection: Connection): void {
  for (const method of ['createChannel', 'createConfirmChannel'] as const) {
    const create = connection[method].bind(connection) as (next: (error: unknown) => void) => void;
    connection[method] = (next: (error: unknown) => void) => {
      try {
        create(next);
      } catch (error) {
        setImmediate(next, error);
      }
    };
  }
}

/** Destroys the connections as a network failure would. */
export function breakConnections(name: string, error: MqError): void {
  for (const entry of connections) if (entry.name === name) entry.connection.connection.stream.destroy(error);
}

/** Destroys the connections at once, without events. */
export function endConnections(name: string): void {
  for (const entry of connections) {
    if (entry.name !== name) continue;
    clearTimeout(entry.clock);
    connections.delete(entry);
    entry.connection.removeAllListeners();
    entry.connection.on('error', () => undefined);
    entry.connection.connection.stream.destroy();
  }
}
