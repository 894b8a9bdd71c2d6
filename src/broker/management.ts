// The HTTP API of the broker. It implements the part of RabbitMQ's management API that applies to a single node
// (https://www.rabbitmq.com/docs/http-api-reference). It accepts and returns JSON. It has no web page and no CORS headers.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isLoopback } from './loopback.ts';
import { listing } from './management/listing.ts';
import { Rates } from './management/rates.ts';
import { notAuthorised, notFound, Refusal, refusalOf } from './management/refusal.ts';
import { bodyOf, targetOf, userOf } from './management/request.ts';
import { type ApiResponse, assertVhostAccess, type Call, hasRole, type Listener } from './management/route.ts';
import { findRoute } from './management/table.ts';
import { ProtocolError } from './protocol-error.ts';
import { listen } from './server/listen.ts';
import type { Broker } from './server.ts';
import { inSlices } from './slices.ts';
import type { Store } from './store/contract.ts';

export interface Management {
  readonly url: string;
  readonly port: number;
  /** Stops the server and closes the connections of open requests. */
  close(): Promise<void>;
}

export interface ManagementOptions {
  /** Defaults to 127.0.0.1. */
  host?: string;
  /** Defaults to 0, which selects a free port. */
  port?: number;
  /** Certificate and key in PEM. The port uses TLS if they are set. */
  tls?: { cert: Buffer; key: Buffer } | undefined;
  /** Shown as `os_pid` of the node. */
  pid?: number;
  /** The folder of the store. The API reports the free space of its disk. */
  dataFolder?: string | undefined;
}

const headersMs = 10_000;
const requestMs = 30_000;
/** The interval at which both timeouts are checked. */
const checkMs = 1000;

/** Serves the HTTP API of a broker. Resolves when the server listens. Throws MqError SYSTEM if it cannot listen. */
export async function startManagement(broker: Broker, options: ManagementOptions = {}): Promise<Management> {
  const { host = '127.0.0.1', port = 0, tls, pid, dataFolder } = options;
  const timeouts = { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs };
  const answer = (request: IncomingMessage, response: ServerResponse) => void serve(served, request, response);
  // node:https is loaded only if it is needed, because loading it is slow.
  const server =
    tls === undefined
      ? createServer(timeouts, answer)
      : (await import('node:https')).createServer({ ...timeouts, ...tls }, answer);
  // Errors are ignored: accept(2) fails when file descriptors run out, but the open connections still work.
  const ownPort = await listen(server, { host, port }, () => undefined);
  const rates = new Rates(broker);
  const listeners: Listener[] = [
    ...broker.listeners.map((one) => ({ ...amqpProtocol(one), host: broker.host, port: one.port })),
    { protocol: tls === undefined ? 'http' : 'https', host, port: ownPort },
  ];
  const served: Served = { broker, listeners, rates, pid, dataFolder };
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${ownPort}`,
    port: ownPort,
    close: () =>
      new Promise((resolve) => {
        rates.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function amqpProtocol({ isTls }: { isTls: boolean }): Pick<Listener, 'protocol'> {
  return { protocol: isTls ? 'amqp/ssl' : 'amqp' };
}

type Served = Pick<Call, 'broker' | 'listeners' | 'rates' | 'pid' | 'dataFolder'>;

async function serve(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await send(response, await answerTo(served, request));
  } catch (error) {
    const { status, error: word, message, headers } = refusal(error);
    if (status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="RabbitMQ Management"');
    // The connection cannot be reused, because the rest of the request's body is not read.
    if (!request.complete) response.setHeader('Connection', 'close');
    await send(response, { status, headers, body: { error: word, reason: message } });
  }
}

async function answerTo(served: Served, request: IncomingMessage): Promise<ApiResponse> {
  const { broker } = served;
  const { method = 'GET', url = '/', headers } = request;
  const { parts, query } = targetOf(url);
  // Fetch Metadata: another web site could send requests through a browser that has stored the password.
  if (/^(cross|same)-site$/.test(String(headers['sec-fetch-site'] ?? ''))) {
    throw new Refusal(403, 'forbidden', 'cross-site requests are not allowed');
  }
  assertLoopbackHost(served, headers.host);
  const [root, ...path] = parts;
  if (root !== 'api') throw notFound();
  const matched = findRoute(method, path);
  if ('options' in matched) return { status: 200, headers: { Allow: matched.options } };
  const { route, params } = matched;
  const user = userOf(request, broker);
  const role = route.role ?? 'management';
  if (!hasRole(user, role)) throw notAuthorised(roleProblems[role]);
  const vhost = params.get('vhost');
  if (vhost !== undefined && role !== 'administrator') {
    assertVhostAccess({ broker, user }, vhost, route.method === 'GET');
  }
  const body = await bodyOf(request);
  const param = (name: string) => params.get(name) ?? '';
  const answer = await route.handle({ ...served, user, query, headers, body, param });
  if (route.method === 'GET') return listing(answer, query);
  if (broker.store !== undefined) await committed(broker.store);
  return answer;
}

/** RabbitMQ's error texts for a user without the role that a route requires. */
const roleProblems = {
  management: 'Not management user',
  policymaker: 'User not authorised to access object',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
};

/**
 * Throws 403 if the API listens on loopback and the Host header names another host. This prevents DNS rebinding. A web page
 * whose host name resolves to 127.0.0.1 has the same origin as this API, and everyone knows the password of guest.
 */
function assertLoopbackHost({ listeners }: Served, header = ''): void {
  const own = listeners.at(-1)?.host ?? '';
  if (!isLoopback(own)) return;
  const name = header.replace(/:\d*$/, '');
  if (isLoopback(name) || name.toLowerCase().endsWith('.localhost')) return;
  throw new Refusal(403, 'forbidden', `the Host '${name}' is not an address of this machine`);
}

/** Resolves when all changes are on disk. */
function committed(store: Store): Promise<void> {
  return new Promise((resolve, reject) => {
    store.committed((error) => (error === undefined ? resolve() : reject(error)));
  });
}

async function send(response: ServerResponse, { status, body, headers = {} }: ApiResponse): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Cache-Control', 'no-cache');
  if (body === undefined) {
    // RFC 9110, 8.6: a 204 response has no Content-Length.
    if (status !== 204) response.setHeader('Content-Length', 0);
    response.writeHead(status).end();
    return;
  }
  const text = Array.isArray(body) ? `[${(await inSlices(body, json)).join()}]` : json(body);
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.writeHead(status).end(text);
}

function json(body: unknown): string {
  return JSON.stringify(body, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
}

function refusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof ProtocolError) return refusalOf(error);
  return new Refusal(500, 'internal_error', error instanceof Error ? error.message : String(error));
}
