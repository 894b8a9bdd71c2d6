// Converts a status of the HTTP API to an MqError with the broker's text.

import { objectOf } from '../config/plain.ts';
import { type ErrorCode, MqError } from '../errors.ts';
import type { Credentials } from '../login/credentials.ts';
import type { ApiResponse } from './http.ts';

interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly api: { readonly origin: string; readonly user: string; readonly credentials?: Credentials | undefined };
}

/** Returns the error for an answer whose status is not 2xx. */
export function refusal({ status, body }: ApiResponse, { method, path, api }: SentRequest): MqError {
  const { origin } = api;
  const reason = reasonOf(body);
  const answer = reason === '' ? `HTTP ${status}` : `${reason} (HTTP ${status})`;
  const request = `${method} /api${path.split('?', 1)[0]}`;
  if (status === 401 && isLogin(body)) return refusedLogin(api);
  // RFC 6585, 5: the header fields are too large.
  if (status === 431 && api.credentials?.kind === 'token')
    return new MqError('BAD_DATA', `the token ${api.user} is too long for the management API at ${origin} (HTTP 431)`, {
      hint: 'request fewer scopes, or remove claims from the token',
    });
  if (status === 401 || status === 403)
    return new MqError('NOT_PERMITTED', `${request}: ${answer}`, { hint: permissionHint(api, path) });
  if (status >= 300 && status < 400)
    return new MqError(
      'PROTOCOL',
      `${request}: the management API at ${origin} redirects to another address: ${answer}`,
      {
        hint: 'the API may require https, or have a path before /api',
      },
    );
  // RabbitMQ 4.3.6 answers 500 instead of 4xx if the reason contains a name that is not ASCII.
  const hint = status === 500 ? { hint: 'the broker failed; its log shows the reason' } : {};
  return new MqError(codeOf(status), `${request}: ${answer}`, hint);
}

function permissionHint({ user, credentials }: SentRequest['api'], path: string): string {
  if (credentials?.kind === 'token')
    return 'the token requires a scope for the request, such as RESOURCE.tag:administrator or RESOURCE.configure:VHOST/NAME';
  // A user without a tag may not even ask for its own tags.
  if (path === '/whoami' || credentials?.kind !== 'password') return 'the user requires a tag, such as management';
  return `mq admin whoami shows the tags of '${user}'; mq admin show permission ${user} shows its permissions in a vhost`;
}

/** Returns the error for a login that the API refused, or that it did not get. */
function refusedLogin({ origin, user, credentials }: SentRequest['api']): MqError {
  const at = `the management API at ${origin}`;
  if (credentials?.kind === 'token')
    return new MqError('NOT_PERMITTED', `${at} refused the token ${user}`, {
      hint: 'the token requires a scope with a tag, such as RESOURCE.tag:management, and must not have expired',
    });
  if (credentials?.kind === 'certificate')
    return new MqError('NOT_PERMITTED', `${at} requires a user, because it does not accept logins by certificate`, {
      hint: 'name it: --management-url https://user:password@host:15671',
    });
  return new MqError('NOT_PERMITTED', `${at} refused the login of the user '${user}'`, {
    hint: 'set user and password in the address (http://user:password@host:15672)',
  });
}

/**
 * Reports whether a 401 refuses the login. RabbitMQ sends `not_authorized` for a wrong user or password, and
 * `not_authorised` for a missing permission. A proxy sends neither, and its 401 refuses the login as well.
 */
function isLogin(body: unknown): boolean {
  return objectOf(body)['error'] !== 'not_authorised';
}

function codeOf(status: number): ErrorCode {
  return status >= 500 && status !== 501 ? 'UNAVAILABLE' : 'BAD_DATA';
}

/**
 * Returns the broker's reason as one line of text. RabbitMQ sends `reason` if it has more details than `error`. A
 * reason may be an object.
 */
export function reasonOf(body: unknown): string {
  const { error, reason: details } = objectOf(body);
  const reason = details ?? error ?? undefined;
  const text = Array.isArray(reason)
    ? reason.map(erlangText).join(' ')
    : reason === undefined
      ? ''
      : erlangText(reason);
  return plain(text.replaceAll(/\s+/g, ' ').trim());
}

/** Decodes Erlang text, which may be a list of numbers, as in the reason of `invalid_regexp`. */
function erlangText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return JSON.stringify(value);
  const isText = value.length > 0 && value.every((one) => Number.isInteger(one) && one >= 9 && one <= 0x10ffff);
  return isText ? String.fromCodePoint(...value.map(Number)) : value.map(erlangText).join(' ');
}

/** Decodes HTML entities, because RabbitMQ 4.0 escapes some of its reasons for HTML. */
function plain(text: string): string {
  const signs = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' } as const;
  return text.replaceAll(/&(lt|gt|quot|#39|amp);/g, (_, name: keyof typeof signs) => signs[name]);
}
