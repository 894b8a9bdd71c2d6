// Works around amqplib 2.3.1, which never calls back a close if the connection is lost in the meantime (channel.js,
// connection.js: toClosing). Rascal waits for that callback: closeChannels.js is the last step of each set-up. A
// `close` listener that is added after the loss would also wait.

import type { EventEmitter } from 'node:events';
import type { Channel, Connection } from 'amqplib/callback_api';

type Next = (error?: Error | null) => void;

/**
 * Ensures that every close of the connection and of its channels calls back, with an error if the connection is lost.
 */
export function answerCloses(connection: Connection): void {
  answerClose(connection, () => connection.connection);
  for (const method of ['createChannel', 'createConfirmChannel'] as const) {
    const create = connection[method].bind(connection);
    connection[method] = (next) =>
      create((error, channel) => {
        if (channel) answerClose(channel, () => channel);
        next(error, channel);
      });
  }
  tellLateListeners(connection);
}

/** Ensures that a close calls back. `emitter` emits `close` when the connection is lost. */
function answerClose(target: Pick<Channel, 'close'>, emitter: () => EventEmitter): void {
  const close = target.close.bind(target) as (next: Next) => void;
  target.close = (next?: Next) => {
    let isAnswered = false;
    const answer: Next = (error) => {
      if (isAnswered) return;
      isAnswered = true;
      next?.(error);
    };
    emitter().once('close', () => answer(new Error('Connection closed')));
    try {
      close(answer);
    } catch (error) {
      setImmediate(answer, error as Error); // it is already closed
    }
  };
}

/** Also calls a `close` listener that is added after the connection has closed. */
function tellLateListeners(connection: Connection): void {
  let closed: { readonly error: unknown } | undefined;
  connection.once('close', (error: unknown) => {
    closed = { error };
  });
  const on = connection.on.bind(connection);
  connection.on = (event: string, listener: (...args: unknown[]) => void) => {
    on(event, listener);
    if (closed && event === 'close') setImmediate(listener, closed.error);
    return connection;
  };
}
