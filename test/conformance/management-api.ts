// Requests to the management API of the broker under test.

import { url } from './program.ts';

const { username, password } = new URL(url);
const api = `${process.env['MQ_CONFORMANCE_MANAGEMENT']}/api`;
const administrator = { name: decodeURIComponent(username), password: decodeURIComponent(password) };

export interface Asked {
  readonly status: number;
  readonly body: unknown;
}

/** Sends a request, by default as the administrator. */
export async function ask(path: string, method = 'GET', body?: unknown, user = administrator): Promise<Asked> {
  const login = Buffer.from(`${user.name}:${user.password}`).toString('base64');
  const response = await fetch(`${api}${path}`, {
    method,
    headers: { authorization: `Basic ${login}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}
