// Sends requests to the HTTP API of an embedded broker.

import { request } from 'node:http';
import { type Management, startManagement } from '../../src/broker/management.ts';
import type { BrokerOptions } from '../../src/broker/server.ts';
import { Place } from './embedded.ts';

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON, or `undefined` without a body. */
  readonly body: unknown;
}

export interface ApiRequest {
  readonly body?: unknown;
  /** Login. Default guest:guest; `null` sends none. */
  readonly as?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends `path` unchanged, after `/api`. */
export type Ask = (
  line: `${'GET' | 'HEAD' | 'OPTIONS' | 'PUT' | 'POST' | 'DELETE'} ${string}`,
  asking?: ApiRequest,
) => Promise<ApiResponse>;

export interface Served {
  readonly place: Place;
  readonly management: Management;
  readonly ask: Ask;
}

/** Runs `use` with a broker and its HTTP API, then closes both. */
export function withManagement(use: (served: Served) => Promise<void>, options: BrokerOptions = {}): Promise<void> {
  return Place.with(options, async (place) => {
    const management = await startManagement(place.broker);
    try {
      await use({ place, management, ask: (line, asking) => send(management.port, line, asking) });
    } finally {
      await management.close();
    }
  });
}

function send(
  port: number,
  line: string,
  { body, as = 'guest:guest', headers = {} }: ApiRequest = {},
): Promise<ApiResponse> {
  const [method = '', path = ''] = line.split(/ (.*)/s);
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      method,
      path: `/api${path}`,
      agent: false,
      ...(as !== null && { auth: as }),
      headers: { ...(text !== undefined && { 'content-length': Buffer.byteLength(text) }), ...headers },
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString();
        const { statusCode = 0, headers: received } = response;
        resolve({ status: statusCode, headers: received, body: answer === '' ? undefined : JSON.parse(answer) });
      });
    });
    asked.end(text);
  });
}
