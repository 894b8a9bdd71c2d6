// Renews the token of open connections by connection.update-secret, before it expires. RabbitMQ keeps a connection open
// whose token has expired, but refuses its operations.

import { MqError } from '../../errors.ts';
import { forgetToken, type Token, tokenOf } from '../../login/tokens.ts';
import { longestTimerMs } from '../../timer.ts';
import { failureOf } from '../failure.ts';
import type { OpenConnection } from '../patches/open-connection.ts';
import { answerMs, tokenLogins } from '../patches/sockets.ts';

interface RenewalSettings {
  /** Name of the connections. */
  readonly connectionName: string;
  readonly redact: (text: string) => string;
  /** Is called after the broker has accepted a new token. */
  readonly onRenewed: (token: Token) => void;
  /** Is called if there is no new token. mq tries again until the old one expires. */
  readonly onFailed: (error: MqError) => void;
}

/** Pause in milliseconds before a failed renewal is tried again, at most. */
const longestPauseMs = 30_000;
const shortestPauseMs = 500;

export class TokenRenewal {
  readonly #settings: RenewalSettings;
  readonly #timers = new Map<OpenConnection, NodeJS.Timeout>();
  /** Connections that wait for connection.update-secret-ok. */
  readonly #pending = new Map<OpenConnection, Token>();

  constructor(settings: RenewalSettings) {
    this.#settings = settings;
  }

  /** Plans the renewals of all open connections. Call this after each connect. */
  start(): void {
    this.stop();
    for (const { connection, token } of tokenLogins(this.#settings.connectionName)) this.#plan(connection, token);
  }

  /** Ends the timers. Call this when the connection is lost. */
  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#pending.clear();
  }

  /**
   * Returns an error after which mq reconnects, if the broker has closed a connection because it refused the new token.
   * The new connection logs in with another token.
   */
  refusalOf(error: Error): MqError | undefined {
    // amqplib sets the reply code of connection.close.
    const isClosedByBroker = 'code' in error && typeof error.code === 'number';
    if (this.#pending.size === 0 || !isClosedByBroker) return undefined;
    for (const token of this.#pending.values()) forgetToken(token);
    const { message } = failureOf(error, this.#settings.redact);
    return new MqError('UNAVAILABLE', `the broker did not accept a new token on an open connection (${message})`);
  }

  #plan(connection: OpenConnection, token: Token): void {
    const { renewAt } = token;
    if (renewAt === undefined) return;
    this.#after(connection, renewAt - Date.now(), () => this.#renew(connection, token));
  }

  #after(connection: OpenConnection, milliseconds: number, work: () => Promise<void> | void): void {
    clearTimeout(this.#timers.get(connection));
    const delay = Math.min(Math.max(milliseconds, 1), longestTimerMs);
    this.#timers.set(connection, setTimeout(work, delay));
  }

  async #renew(connection: OpenConnection, old: Token): Promise<void> {
    let token: Token;
    try {
      token = await tokenOf(old.source);
    } catch (error) {
      if (this.#isOpen(connection)) this.#retry(connection, old, error);
      return;
    }
    if (!this.#isOpen(connection)) return;
    // The source may return the same token until it is about to expire.
    if (token.text === old.text) return this.#plan(connection, token);
    this.#update(connection, token);
  }

  /** Sends the token. If there is no answer in time, the connection is broken, and a new one gets the token. */
  #update(connection: OpenConnection, token: Token): void {
    const { stream } = connection.connection;
    const late = new MqError('UNAVAILABLE', `the node has not answered in ${answerMs / 1000} s (a new token)`);
    this.#pending.set(connection, token);
    this.#after(connection, answerMs, () => void stream.destroy(late));
    connection.updateSecret(Buffer.from(token.text), 'the token is about to expire', () => {
      if (!this.#pending.delete(connection)) return;
      this.#plan(connection, token);
      this.#settings.onRenewed(token);
    });
  }

  /** Tries again, or breaks the connection if the old token has expired: reconnecting gets a new one, or reports why. */
  #retry(connection: OpenConnection, old: Token, error: unknown): void {
    const failure = failureOf(error, this.#settings.redact);
    const leftMs = (old.expiresAt ?? 0) - Date.now();
    if (leftMs <= 0) {
      connection.connection.stream.destroy(failure);
      return;
    }
    this.#settings.onFailed(failure);
    const pause = Math.max(shortestPauseMs, Math.min(longestPauseMs, leftMs / 4));
    this.#after(connection, Math.min(pause, leftMs), () => this.#renew(connection, old));
  }

  #isOpen(connection: OpenConnection): boolean {
    return this.#timers.has(connection);
  }
}
