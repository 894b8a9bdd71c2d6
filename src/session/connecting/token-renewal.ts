// Renews the token of open connections by connection.update-secret, before it expires. RabbitMQ keeps a connection open
// whose token has expired, but refuses its operations.

import { MqError } from '../../errors.ts';
import { forgetToken, renewedToken, type Token } from '../../login/tokens.ts';
import { type Timer, time } from '../../time.ts';
import { failureOf } from '../failure.ts';
import type { OpenConnection } from '../patches/open-connection.ts';
import { answerMs, type TokenLogin } from '../patches/sockets.ts';

interface RenewalSettings {
  /** Returns the open connections that have logged in by a token. */
  readonly logins: () => readonly TokenLogin[];
  readonly redact: (text: string) => string;
  /** Is called after the broker has accepted a new token. */
  readonly onRenewed: (token: Token) => void;
  /** Is called if there is no new token. mq tries again until the old one expires. */
  readonly onFailed: (error: MqError) => void;
}

/** Reply codes with which a broker refuses a new secret. RabbitMQ uses 530. */
const refusalCodes: readonly unknown[] = [403, 530];
/** Pause in milliseconds before a failed renewal is tried again, at most. */
const longestPauseMs = 30_000;
const shortestPauseMs = 500;

export class TokenRenewal {
  readonly #settings: RenewalSettings;
  readonly #open = new Set<OpenConnection>();
  readonly #timers = new Map<OpenConnection, Timer>();
  /** Connections that wait for connection.update-secret-ok. */
  readonly #pending = new Map<OpenConnection, Token>();
  /** Errors with which the broker closed a connection because it refused the new token. */
  readonly #refusals = new WeakSet<Error>();

  constructor(settings: RenewalSettings) {
    this.#settings = settings;
  }

  /** Plans the renewals of new connections. Call this after each connect. */
  start(): void {
    for (const { connection, token } of this.#settings.logins()) {
      if (token.renewAt === undefined || this.#open.has(connection)) continue;
      this.#open.add(connection);
      connection.once('close', (error: unknown) => this.#onClose(connection, error));
      this.#plan(connection, token);
    }
  }

  /** Ends all renewals. Call this before the connections are closed. */
  stop(): void {
    for (const connection of this.#open) this.#forget(connection);
  }

  /**
   * Returns an error after which mq reconnects, if the broker has closed a connection because it refused the new token.
   * The new connection logs in with another token.
   */
  refusalOf(error: Error): MqError | undefined {
    if (!this.#refusals.has(error)) return undefined;
    const { message } = failureOf(error, this.#settings.redact);
    return new MqError('UNAVAILABLE', `the broker did not accept a new token on an open connection (${message})`);
  }

  /** Rascal reports the error one event-loop turn later. */
  #onClose(connection: OpenConnection, error: unknown): void {
    const token = this.#pending.get(connection);
    this.#forget(connection);
    // amqplib sets the reply code of connection.close.
    if (token === undefined || !(error instanceof Error && 'code' in error && refusalCodes.includes(error.code)))
      return;
    forgetToken(token);
    this.#refusals.add(error);
  }

  #forget(connection: OpenConnection): void {
    this.#timers.get(connection)?.cancel();
    this.#timers.delete(connection);
    this.#pending.delete(connection);
    this.#open.delete(connection);
  }

  #plan(connection: OpenConnection, token: Token): void {
    const { renewAt } = token;
    this.#timers.get(connection)?.cancel();
    if (renewAt === undefined) return;
    this.#after(connection, renewAt - time.date(), () => this.#renew(connection, token));
  }

  #after(connection: OpenConnection, milliseconds: number, work: () => Promise<void> | void): void {
    this.#timers.get(connection)?.cancel();
    this.#timers.set(connection, time.after(Math.max(milliseconds, 1), work));
  }

  async #renew(connection: OpenConnection, old: Token): Promise<void> {
    let token: Token;
    try {
      token = await renewedToken(old.source);
    } catch (error) {
      if (this.#open.has(connection)) this.#retry(connection, old, error);
      return;
    }
    if (!this.#open.has(connection)) return;
    // The source may return the same token until it is about to expire.
    if (token.text === old.text) return this.#plan(connection, token);
    this.#update(connection, token);
  }

  /** Sends the token. If there is no answer in time, the connection is broken, and a new one gets the token. */
  #update(connection: OpenConnection, token: Token): void {
    this.#pending.set(connection, token);
    this.#limitAnswer(connection);
    connection.updateSecret(Buffer.from(token.text), 'the token is about to expire', () => {
      if (!this.#pending.delete(connection)) return;
      this.#plan(connection, token);
      this.#settings.onRenewed(token);
    });
  }

  /** RabbitMQ does not read from a connection that it blocks, so the time limit begins again then. */
  #limitAnswer(connection: OpenConnection): void {
    this.#after(connection, answerMs, () => {
      const { stream, blocked = false } = connection.connection;
      if (blocked) return this.#limitAnswer(connection);
      stream.destroy(new MqError('UNAVAILABLE', `the node has not answered in ${answerMs / 1000} s (a new token)`));
    });
  }

  /** Tries again, or breaks the connection if the old token has expired: reconnecting gets a new one, or reports why. */
  #retry(connection: OpenConnection, old: Token, error: unknown): void {
    const failure = failureOf(error, this.#settings.redact);
    const leftMs = (old.expiresAt ?? 0) - time.date();
    if (leftMs <= 0) {
      connection.connection.stream.destroy(failure);
      return;
    }
    this.#settings.onFailed(failure);
    const pause = Math.max(shortestPauseMs, Math.min(longestPauseMs, leftMs / 4));
    this.#after(connection, Math.min(pause, leftMs), () => this.#renew(connection, old));
  }
}
