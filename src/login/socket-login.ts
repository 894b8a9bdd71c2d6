// Completes the socket options of a connection immediately before it connects, so that a reconnect uses the current
// token and the current certificates.

import { isObject, objectOf, type Plain } from '../config/plain.ts';
import { time } from '../time.ts';
import type { TokenSource } from './login.ts';
import { plain } from './sasl.ts';
import { tlsContent } from './tls.ts';
import { type Token, tokenOf } from './tokens.ts';

/** Socket options with the content of their files, and the token with which they log in. */
export interface SocketLogin {
  readonly options: Plain;
  readonly token?: Token;
}

/** The option `token` of rascalConnection. */
interface TokenOption {
  readonly user: string;
  readonly source: TokenSource;
}

/** Returns `true` if the options name files or a source of tokens. */
export function isIncomplete(options: unknown): boolean {
  const { tlsFiles, token } = objectOf(options);
  return tlsFiles !== undefined || token !== undefined;
}

/** Throws the errors of tlsContent and tokenOf. */
export async function socketLogin(given: Plain): Promise<SocketLogin> {
  const { tlsFiles, token: option, ...options } = given;
  const content = tlsFiles === undefined ? {} : await tlsContent(objectOf(tlsFiles));
  const withFiles = { ...content, ...options };
  if (!isTokenOption(option)) return { options: withFiles };
  const token = await tokenOf(option.source);
  return { options: { ...withFiles, credentials: plain(option.user, token.text) }, token };
}

/** Returns the end of the message of a failed connection. session/failure.ts explains it. */
export function loginNote(options: Plain, token: Token | undefined): string {
  if (token !== undefined) return tokenNote(token);
  return options['cert'] === undefined && options['pfx'] === undefined ? '' : ' (client certificate)';
}

/** RabbitMQ 4.0 accepts frames of 4096 bytes before the login, and RabbitMQ 4.3 of 8192. The token is in such a frame. */
const longToken = 3_500;

function tokenNote({ source, text, expiresAt }: Token): string {
  const isExpired = expiresAt !== undefined && expiresAt < time.date();
  const length = Buffer.byteLength(text) > longToken ? `, ${Buffer.byteLength(text)} bytes` : '';
  return ` (token of ${source.from}${length}${isExpired ? `, expired at ${new Date(expiresAt).toISOString()}` : ''})`;
}

function isTokenOption(value: unknown): value is TokenOption {
  return isObject(value) && isObject(value['source']);
}
