// Keeps the current token of each source, and gets a new one when 80 % of its lifetime have passed. All connections of
// the process share it.

import { readFile } from '../config/read-file.ts';
import { keepSecret } from '../config/redact.ts';
import { MqError, systemReason } from '../errors.ts';
import { time } from '../time.ts';
import type { TokenSource } from './login.ts';
import { type IssuedToken, issuedToken } from './token.ts';

export interface Token {
  readonly text: string;
  readonly source: TokenSource;
  /** Time of the expiry in milliseconds (Date.now), or `undefined` if it is unknown. */
  readonly expiresAt: number | undefined;
  /** Time of the renewal, or `undefined` if the source has only this token or the expiry is unknown. */
  readonly renewAt: number | undefined;
}

/** Part of the lifetime after which a token is renewed. */
const renewalPart = 0.8;
/** Shortest time between two renewals in milliseconds, because a command may return a cached token that is about to expire. */
const shortestMs = 1_000;

/** Time in milliseconds that a login waits for a new token while the old one is valid. */
const longestWaitMs = 5_000;

const stores = new Map<string, TokenStore>();

/**
 * Returns the current token of a source. If the source fails or takes longer than 5 s, returns the old token until it
 * expires.
 * @throws MqError NOT_PERMITTED if the source refuses, BAD_DATA for a token that cannot be read, NO_INPUT for a file, and
 * UNAVAILABLE, TLS, HOST_UNKNOWN or DEADLINE if it does not answer. After the first token, only UNAVAILABLE.
 */
export function tokenOf(source: TokenSource): Promise<Token> {
  return storeOf(source).current();
}

/**
 * Returns a token that has not reached the time of its renewal.
 * @throws MqError the errors of tokenOf, also while the old token is valid
 */
export function renewedToken(source: TokenSource): Promise<Token> {
  return storeOf(source).renewed();
}

/** Forgets a token that a broker refused, so that the next connection gets a new one. */
export function forgetToken({ source, text }: Token): void {
  stores.get(JSON.stringify(source))?.forget(text);
}

function storeOf(source: TokenSource): TokenStore {
  const key = JSON.stringify(source);
  const store = stores.get(key) ?? new TokenStore(source);
  stores.set(key, store);
  return store;
}

class TokenStore {
  readonly #source: TokenSource;
  #token: Token | undefined;
  #hasWorked = false;
  #fetching: Promise<Token> | undefined;

  constructor(source: TokenSource) {
    this.#source = source;
  }

  async current(): Promise<Token> {
    const renewed = this.renewed();
    const isSpare = this.#token !== undefined && postponed(this.#token) !== undefined;
    try {
      return await (isSpare ? inTime(renewed, this.#source) : renewed);
    } catch (error) {
      const token = this.#token && postponed(this.#token);
      if (token === undefined) throw error;
      this.#token = token;
      return token;
    }
  }

  renewed(): Promise<Token> {
    const token = this.#token;
    if (token !== undefined && (token.renewAt === undefined || time.date() < token.renewAt))
      return Promise.resolve(token);
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  forget(text: string): void {
    if (this.#token?.text === text) this.#token = undefined;
  }

  async #fetch(): Promise<Token> {
    try {
      const issued = await issue(this.#source);
      const token = tokenFrom(issued, this.#source);
      this.#token = token;
      this.#hasWorked = true;
      return token;
    } catch (error) {
      if (!this.#hasWorked || !(error instanceof MqError)) throw error;
      // The source has worked before, so the reason may be temporary, and a role must try again.
      const { message, hint } = error;
      throw new MqError('UNAVAILABLE', message, { ...(hint !== undefined && { hint }), cause: error });
    }
  }
}

async function issue(source: TokenSource): Promise<IssuedToken> {
  if (source.kind === 'token') return issuedToken(source.token, source.from);
  if (source.kind === 'file') return issuedToken(await fileContent(source.file), source.file);
  if (source.kind === 'command') return (await import('./token-command.ts')).tokenFromCommand(source);
  return (await import('./client-credentials.ts')).tokenFromServer(source);
}

async function fileContent(file: string): Promise<string> {
  try {
    return (await readFile(file)).toString();
  } catch (error) {
    throw new MqError('NO_INPUT', `cannot read the token in ${file}: ${systemReason(error)}`, { at: file });
  }
}

function tokenFrom({ text, expiresAt }: IssuedToken, source: TokenSource): Token {
  keepSecret(text);
  const now = time.date();
  const isRenewable = source.kind !== 'token' && expiresAt !== undefined;
  const renewAt = isRenewable ? now + Math.max(shortestMs, (expiresAt - now) * renewalPart) : undefined;
  return { text, source, expiresAt, renewAt };
}

/** Returns the token with a later time of renewal, or `undefined` if it has expired. */
function postponed(token: Token): Token | undefined {
  const now = time.date();
  const leftMs = (token.expiresAt ?? now) - now;
  return leftMs <= 0 ? undefined : { ...token, renewAt: now + Math.min(leftMs, Math.max(shortestMs, leftMs / 4)) };
}

async function inTime(renewed: Promise<Token>, { from }: TokenSource): Promise<Token> {
  const late = Promise.withResolvers<never>();
  const error = new MqError('DEADLINE', `${from} has returned no token in ${longestWaitMs / 1000} s`);
  const timer = time.after(longestWaitMs, () => late.reject(error));
  try {
    return await Promise.race([renewed, late.promise]);
  } finally {
    timer.cancel();
  }
}
