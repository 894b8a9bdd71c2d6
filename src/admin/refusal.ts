// Converts a status of the HTTP API to an MqError with the broker's text.

import { type ErrorCode, MqError } from '../errors.ts';
import type { Answer } from './http.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly api: { readonly origin: string; readonly user: string };
}

/** Returns the error for an answer whose status is not 2xx. */
export function refusal({ status, body }: Answer, { method, path, api: { origin, user } }: Asked): MqError {
  const reason = reasonOf(body);
  const said = reason === '' ? `HTTP ${status}` : `${reason} (HTTP ${status})`;
  const asked = `${method} /api${path.split('?', 1)[0]}`;
  if (status === 401 && isLogin(body))
    return new MqError('NOT_PERMITTED', `the management API at ${origin} does not let the user '${user}' in`, {
      hint: 'user and password stand in the address (http://user:password@host:15672), or --user with --password-file',
    });
  if (status === 401 || status === 403)
    return new MqError('NOT_PERMITTED', `${asked}: ${said}`, {
      hint: `mq admin whoami shows the tags of '${user}', mq admin show permission ${user} what it may do in a vhost`,
    });
  if (status >= 300 && status < 400)
    return new MqError('PROTOCOL', `${asked}: the management API at ${origin} is elsewhere: ${said}`, {
      hint: 'is it https, or has it a path before /api?',
    });
  // RabbitMQ 4.3.6 answers 500 to a refusal whose reason would contain a name that is not ASCII.
  const hint = status === 500 ? { hint: 'the broker itself failed; its log says why' } : {};
  return new MqError(codeOf(status), `${asked}: ${said}`, hint);
}

/**
 * Reports whether the login was refused. RabbitMQ: `not_authorized` means a wrong user or password, `not_authorised` a
 * missing permission. A proxy sends neither.
 */
function isLogin(body: unknown): boolean {
  const { error } = (body ?? {}) as { error?: unknown };
  return error !== 'not_authorised';
}

function codeOf(status: number): ErrorCode {
  return status >= 500 && status !== 501 ? 'UNAVAILABLE' : 'BAD_DATA';
}

/**
 * Returns the broker's reason. RabbitMQ sends `reason` if it has more details than `error`; a reason may be an object.
 */
export function reasonOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return '';
  const { reason, error } = body as { reason?: unknown; error?: unknown };
  const said = reason ?? error;
  const text = Array.isArray(said) ? said.map(erlangText).join(' ') : said === undefined ? '' : erlangText(said);
  return plain(text.replaceAll(/\s+/g, ' ').trim());
}

/** Decodes Erlang text, which may be a list of numbers, as in the reason of `invalid_regexp`. */
function erlangText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return JSON.stringify(value);
  const isText = value.length > 0 && value.every((one) => Number.isInteger(one) && one >= 9 && one <= 0x10ffff);
  return isText ? String.fromCodePoint(...(value as number[])) : value.map(erlangText).join(' ');
}

/** Decodes HTML entities, because RabbitMQ 4.0 escapes some of its reasons for HTML. */
function plain(text: string): string {
  const signs = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' } as const;
  return text.replaceAll(/&(lt|gt|quot|#39|amp);/g, (_, name: keyof typeof signs) => signs[name]);
}
