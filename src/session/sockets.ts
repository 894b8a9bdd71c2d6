// The connections of amqplib, taken where they are made, since Rascal does not hand them out: they can be ended when no
// orderly close is possible, write in few system calls, and do not wait for a node for ever that answers nothing.

import type { Duplex } from 'node:stream';
import type { Connection } from 'amqplib/callback_api';
import amqplib from 'amqplib/callback_api';
import { MqError } from '../errors.ts';
import { answerCloses } from './closing.ts';

/** Milliseconds that a node may take for what has to be answered at once: a declaration, a consumer, a channel. */
export const answerMs = 15_000;

interface Known {
  readonly name: string | undefined;
  readonly connection: Connection;
  /** Runs until everything is declared. */
  readonly clock: NodeJS.Timeout;
}
const connections = new Set<Known>();
/** By connection_name: it was ended since its node did not answer the declarations. Rascal tells nothing of that. */
const silences = new Map<string, MqError>();

/** Everything is declared over the connections of that name. */
export function stopClocks(name: string): void {
  silences.delete(name);
  for (const entry of connections) if (entry.name === name) clearTimeout(entry.clock);
}

/** Whether a connection of that name was ended because its node did not answer the declarations: told once, of each try. */
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
      // RabbitMQ: a node without a majority takes a connection, and no declaration.
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

/** All frames of one turn of the event loop go out in one system call; amqplib makes one for each message and ack. */
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
 * amqplib throws at a channel asked of a connection that has just closed, and Rascal asks in a microtask, where nobody
 * catches it. The broker's own close (320, its shutdown) closes the channels first, so a publisher asks right then.
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

/** As if the network had done it. */
export function breakConnections(name: string, error: MqError): void {
  for (const entry of connections) if (entry.name === name) entry.connection.connection.stream.destroy(error);
}

/** At once, and nobody is told. */
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
