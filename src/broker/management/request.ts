// Reads the path, the user and the body of a request, which may be malicious.

import type { IncomingMessage } from 'node:http';
import { refusedLogin } from '../vhost/refused-login.ts';
import type { User, Users } from '../vhost/users.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { badRequest, Refusal } from './refusal.ts';

const bodyLimit = 16 * 1024 * 1024;

/** Returns the decoded parts of the path, and the query. Throws 400 if the path is not percent-encoded UTF-8. */
export function targetOf(url: string): { parts: string[]; query: URLSearchParams } {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  try {
    const parts = path.split('/').slice(1).map(decodeURIComponent);
    // RabbitMQ ignores one slash at the end of a path.
    if (parts.at(-1) === '') parts.pop();
    return { parts, query: new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)) };
  } catch {
    throw badRequest('the path is not percent-encoded UTF-8');
  }
}

/**
 * Returns the user of the Authorization header: Basic (RFC 7617), or Bearer (RFC 6750) for a user with a token. Throws 401
 * if the login fails, and logs who was refused.
 */
export function userOf(
  { headers: { authorization }, socket: { remoteAddress: peer } }: IncomingMessage,
  { users, log }: { users: Users; log: (line: string) => void },
): User {
  // A browser sends its first request without a login.
  if (authorization === undefined) throw loginFailed();
  const token = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
  const basic = token === undefined ? basicLogin(authorization) : undefined;
  const user =
    token === undefined ? basic && users.authenticate(basic.name, basic.password, peer) : users.withToken(token, peer);
  if (user !== undefined) return user;
  log(refusedLogin({ name: basic?.name, how: 'the management API', peer }));
  throw loginFailed();
}

function basicLogin(authorization: string): { name: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]*={0,2})$/i.exec(authorization)?.[1];
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Returns the JSON object of the body, or an empty object for a request without a body. Throws 400 or 413. */
export async function bodyOf(request: IncomingMessage): Promise<JsonObject> {
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  // The iterator must not destroy the socket after a body that is too large, because the response uses the same socket.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes: Buffer = chunk;
    length += bytes.length;
    if (length > bodyLimit) throw tooLarge();
    chunks.push(bytes);
  }
  if (length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw badRequest(`not_json: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isJsonObject(value)) throw badRequest('not_json: the body is not an object');
  return value;
}

const loginFailed = () => new Refusal(401, 'not_authorized', 'Not_Authorized');
const tooLarge = () => new Refusal(413, 'payload_too_large', `a body may have at most ${bodyLimit} bytes`);
