// Works around amqplib 2.3.1, which never calls back a close if the connection is lost in the meantime (channel.js,
// connection.js: toClosing), and calls back at once if it was lost before. Rascal waits for that callback:
// closeChannels.js is the last step of each set-up. A `close` listener that is added after the loss would never be
// called either.

import type { EventEmitter } from 'node:events';
import { time } from '../../time.ts';
import { type CloseCallback, channelMethods, type OpenConnection } from './open-connection.ts';

/**
 * Ensures that every close of the connection and of its channels calls back, with an error if the connection is lost.
 */
export function answerCloses(connection: OpenConnection): void {
  answerClose(connection, () => connection.connection);
  for (const method of channelMethods) {
    const create = connection[method].bind(connection);
    connection[method] = (next) =>
      create((error, channel) => {
        if (channel) answerClose(channel, () => channel);
        next(error, channel);
      });
  }
  callLateListeners(connection);
}

/** Ensures that a close calls back. `emitter` emits `close` when the connection is lost. */
function answerClose(target: { close(next?: CloseCallback): void }, emitter: () => EventEmitter): void {
  const close = target.close.bind(target);
  target.close = (next) => {
    let isAnswered = false;
    const answer: CloseCallback = (error) => {
      if (isAnswered) return;
      isAnswered = true;
      // Rascal handles a lost connection in a setImmediate (Vhost.js), and throws if this callback runs before it.
      time.nextTurn(() => next?.(error));
    };
    emitter().once('close', () => answer(new Error('Connection closed')));
    try {
      close(answer);
    } catch (error) {
      answer(error instanceof Error ? error : new Error(String(error))); // it is already closed
    }
  };
}

/** Also calls a `close` listener that is added after the connection has closed. */
function callLateListeners(connection: OpenConnection): void {
  let closed: { readonly error: unknown } | undefined;
  connection.once('close', (error: unknown) => {
    closed = { error };
  });
  const on = connection.on.bind(connection);
  const patched: typeof connection.on = (event, listener) => {
    on(event, listener);
    if (closed && event === 'close') time.nextTurn(listener.bind(undefined, closed.error));
    return connection;
  };
  connection.on = patched;
}
