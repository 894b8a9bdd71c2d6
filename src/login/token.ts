// Parses what a source of tokens returns: the token alone, or a JSON object with the token and its expiry.

import { isObject, objectOf, type Plain } from '../config/plain.ts';
import { MqError } from '../errors.ts';
import { time } from '../time.ts';

export interface IssuedToken {
  readonly text: string;
  /** Time of the expiry in milliseconds (Date.now), or `undefined` if it is unknown. */
  readonly expiresAt: number | undefined;
}

/** RFC 6749, A.12: an access token consists of printable ASCII characters. Spaces would break the Bearer header. */
const tokenForm = /^[\x21-\x7e]+$/;

/** The accepted objects: the field of the token, the field of its expiry, and the parser of the latter. */
const forms: readonly (readonly [string, string, (value: unknown, now: number) => number | undefined])[] = [
  // RFC 6749, 5.1.
  ['access_token', 'expires_in', (value, now) => now + numberOf(value) * 1000],
  // Azure: az account get-access-token.
  ['accessToken', 'expires_on', (value) => numberOf(value) * 1000],
  // The status of Kubernetes' ExecCredential.
  ['token', 'expirationTimestamp', (value) => Date.parse(String(value))],
  ['token', 'expiry', (value) => Date.parse(String(value))],
];

/**
 * Parses the text of a source. `from` names the source in the message. The expiry is the one in the object, otherwise the
 * claim `exp` of a JWT. Throws BAD_DATA; the message contains nothing of the text.
 */
export function issuedToken(given: string, from: string, now = time.date()): IssuedToken {
  const text = given.trim();
  if (text === '') throw wrong(from, 'there is no token');
  if (!text.startsWith('{')) return checked({ text, expiresAt: undefined }, from);
  const found = parsed(text);
  if (found === undefined) throw wrong(from, 'the JSON is invalid');
  // The credential of a kubectl plugin is in `status`.
  const fields = isObject(found['status']) ? objectOf(found['status']) : found;
  const form = forms.find(([token, expiry]) => typeof fields[token] === 'string' && fields[expiry] !== undefined);
  const [tokenField = Object.keys(fields).find((name) => forms.some(([token]) => token === name))] = form ?? [];
  const token = tokenField === undefined ? undefined : fields[tokenField];
  if (typeof token !== 'string') throw wrong(from, 'the JSON object has no access_token, accessToken or token');
  const expiresAt = form?.[2](fields[form[1]], now);
  if (expiresAt !== undefined && !Number.isFinite(expiresAt)) throw wrong(from, `${form?.[1]} is not a time`);
  return checked({ text: token, expiresAt }, from);
}

function checked({ text, expiresAt }: IssuedToken, from: string): IssuedToken {
  if (!tokenForm.test(text)) throw wrong(from, 'a token is one line of printable ASCII characters without spaces');
  return { text, expiresAt: expiresAt ?? expiryOf(text) };
}

/** Returns the time of the claim `exp` of a JWT (RFC 7519, 4.1.4), or `undefined`. mq does not verify the token. */
function expiryOf(token: string): number | undefined {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  const exp = parsed(Buffer.from(payload, 'base64url').toString())?.['exp'];
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined;
}

function parsed(text: string): Plain | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the number, which some servers write as a string, or NaN. */
function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
}

function wrong(from: string, what: string): MqError {
  return new MqError('BAD_DATA', `${from}: ${what}`, {
    at: from,
    hint: 'the token alone is accepted, or {"access_token": …, "expires_in": seconds}; see mq help login',
  });
}
