// Captures the connections of amqplib when they are created, because Rascal does not expose them. mq can then destroy
// them if a graceful close is impossible, write with few system calls, and leave a node that does not answer.

import type { Duplex } from 'node:stream';
import type { Options, SocketOptions } from 'amqplib/callback_api';
import amqplib from 'amqplib/callback_api';
import type { RascalVhostConfig } from 'rascal/lib/amqp/Vhost.js';
import { isObject, objectOf, type Plain } from '../../config/plain.ts';
import { MqError } from '../../errors.ts';
import { isIncomplete, loginNote, type SocketLogin, socketLogin } from '../../login/socket-login.ts';
import type { Token } from '../../login/tokens.ts';
import { type Timer, time } from '../../time.ts';
import { answerCloses } from './closing.ts';
import { channelMethods, destroyConnection, type OpenConnection, openConnectionOf } from './open-connection.ts';

/** Milliseconds that a node may take for operations it should answer at once: a declaration, a consumer, a channel. */
export const answerMs = 15_000;

interface CapturedConnection {
  readonly name: string | undefined;
  readonly connection: OpenConnection;
  /** Runs until everything is declared. */
  readonly timer: Timer;
  /** Token of the login. */
  readonly token: Token | undefined;
}
const connections = new Set<CapturedConnection>();

/** A connection that is being opened. amqplib does not expose its socket. */
interface Opening {
  readonly name: string | undefined;
  /** Destroys the socket. The reason is the error to report, or `undefined` if nothing waits for the connection. */
  readonly socket: AbortController;
}
const openings = new Set<Opening>();

/** Errors of connections that ended because the node did not answer, by connection_name. Rascal does not report them. */
const noAnswers = new Map<string, MqError>();

/** Stops the time limit of the declarations. Call this when everything is declared on the connections of this name. */
export function endDeclarations(name: string): void {
  noAnswers.delete(name);
  for (const captured of connections) if (captured.name === name) captured.timer.cancel();
}

/**
 * Returns the error if a connection with this name was ended because its node did not answer the declarations. Each
 * error is returned once.
 */
export function takeNoAnswer(name: string): MqError | undefined {
  const error = noAnswers.get(name);
  noAnswers.delete(name);
  return error;
}

type Callback = (error: Error, connection?: unknown) => void;
type Signalled = SocketOptions & { readonly signal?: AbortSignal };
type Connect = (url: string | Options.Connect, socketOptions: Signalled, next: Callback) => void;

const connect: Connect = amqplib.connect;
const captured: Connect = (url, socketOptions, next) => {
  if (refused.has(socketOptions)) return;
  const options = objectOf(socketOptions);
  const opening = { name: nameOf(options), socket: new AbortController() };
  openings.add(opening);
  const { signal } = opening.socket;
  const opened: Callback = (error, connection) => {
    openings.delete(opening);
    if (!signal.aborted) next(error, connection);
    else if (signal.reason instanceof MqError) next(signal.reason);
  };
  if (!isIncomplete(options)) return connectWith(url, { options }, { signal, next: opened });
  // A reconnect uses the current token and the current certificates.
  socketLogin(options).then((login) => {
    if (signal.aborted) opened(signal.reason);
    else connectWith(url, login, { signal, next: opened });
  }, opened);
};
Object.assign(amqplib, { connect: captured });

function connectWith(
  url: string | Options.Connect,
  { options, token }: SocketLogin,
  { signal, next }: { signal: AbortSignal; next: Callback },
): void {
  connect(url, { ...options, signal }, (error, connection) => {
    if (connection) capture(openConnectionOf(connection), options, token);
    else if (error) error.message += loginNote(options, token);
    next(error, connection);
  });
}

function nameOf(socketOptions: Plain): string | undefined {
  const { connection_name: name } = objectOf(socketOptions['clientProperties']);
  return typeof name === 'string' ? name : undefined;
}

function capture(connection: OpenConnection, socketOptions: Plain, token: Token | undefined): void {
  const name = nameOf(socketOptions);
  // RabbitMQ: a node without a majority accepts a connection but does not answer declarations.
  const error = new MqError('UNAVAILABLE', `the node has not answered in ${answerMs / 1000} s (declarations)`);
  const timer = time.after(answerMs, () => {
    noAnswers.set(name ?? '', error);
    connection.connection.stream.destroy(error);
  });
  const entry: CapturedConnection = { name, connection, timer, token };
  connections.add(entry);
  refuseByCallback(connection);
  answerCloses(connection);
  gatherWrites(connection.connection.stream);
  const forget = () => {
    timer.cancel();
    connections.delete(entry);
  };
  connection.once('close', forget);
  connection.connection.stream.once('close', forget);
}

/** Writes all frames of one event-loop turn with one system call. amqplib makes one call for each message and ack. */
function gatherWrites(stream: Duplex): void {
  // Node passes the arguments on as they are, so the overloads of `write` do not matter here.
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let gathering = false;
  stream.write = (...args: unknown[]) => {
    if (!gathering) {
      gathering = true;
      stream.cork();
      time.nextTurn(() => {
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
function refuseByCallback(connection: OpenConnection): void {
  for (const method of channelMethods) {
    const create = connection[method].bind(connection);
    connection[method] = (next) => {
      try {
        create(next);
      } catch (error) {
        time.nextTurn(() => next(error));
      }
    };
  }
}

/** An open connection, and the token with which it has logged in. */
export interface TokenLogin {
  readonly connection: OpenConnection;
  readonly token: Token;
}

/** Returns the open connections of this name that have logged in by a token. */
export function tokenLogins(name: string): TokenLogin[] {
  return [...connections].flatMap(({ name: other, connection, token }) =>
    other === name && token !== undefined ? [{ connection, token }] : [],
  );
}

/** Destroys the connections as a network failure would. */
export function breakConnections(name: string, error: MqError): void {
  for (const { name: other, connection } of connections)
    if (other === name) connection.connection.stream.destroy(error);
  endOpenings(name, error);
}

function endOpenings(name: string, reason?: MqError): void {
  for (const opening of openings) if (opening.name === name) opening.socket.abort(reason);
}

/** Socket options of sessions that have ended. */
const refused = new WeakSet<object>();

/** Lets Rascal open no more connections of a vhost. Between two addresses, it has none that could be ended. */
export function refuseConnections({ connections: all }: RascalVhostConfig): void {
  for (const { socketOptions } of all.map(objectOf)) if (isObject(socketOptions)) refused.add(socketOptions);
}

/**
 * Destroys the connections at once. Requests without an answer fail, but Rascal does not notice the loss of an established
 * connection. Connections that are being opened report neither success nor failure.
 */
export function endConnections(name: string): void {
  endOpenings(name);
  for (const entry of connections) {
    if (entry.name !== name) continue;
    entry.timer.cancel();
    connections.delete(entry);
    entry.connection.removeAllListeners();
    entry.connection.on('error', () => undefined);
    destroyConnection(entry.connection, new Error('Connection ended'));
  }
}
