// Reads the path, the user and the body of a request, which may be malicious.

import type { IncomingMessage } from 'node:http';
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

/** Returns the user of the Authorization header (RFC 7617). Throws 401 if the login fails. */
export function userOf({ headers, socket }: IncomingMessage, users: Users): User {
  const encoded = /^Basic +([A-Za-z0-9+/]*={0,2})$/i.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) throw loginFailed();
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const user =
    colon === -1 ? undefined : users.authenticate(text.slice(0, colon), text.slice(colon + 1), socket.remoteAddress);
  if (user === undefined) throw loginFailed();
  return user;
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
