// The HTTP API of the broker: RabbitMQ's management API, as far as a broker of one node has it
// (https://www.rabbitmq.com/docs/http-api-reference). No page, no CORS; JSON in and out.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MqError, systemReason } from '../errors.ts';
import { isLoopback } from './loopback.ts';
import { listing } from './management/listing.ts';
import { Rates } from './management/rates.ts';
import { notAuthorised, notFound, Refusal, refusalOf } from './management/refusal.ts';
import { bodyOf, targetOf, userOf } from './management/request.ts';
import { type Answer, assertVhostAccess, type Call, hasRole, type Listener } from './management/route.ts';
import { findRoute } from './management/table.ts';
import { ProtocolError } from './protocol-error.ts';
import type { Broker } from './server.ts';
import { inSlices } from './slices.ts';
import type { Store } from './store/contract.ts';

export interface Management {
  readonly url: string;
  readonly port: number;
  /** Open requests are cut off. */
  close(): Promise<void>;
}

export interface ManagementOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any that is free. */
  port?: number;
  /** Then the port speaks TLS. */
  tls?: { cert: Buffer; key: Buffer } | undefined;
  /** Shown as `os_pid` of the node. */
  pid?: number;
  /** Where the store is, for the free space of its disk. */
  dataFolder?: string | undefined;
}

const headersMs = 10_000;
const requestMs = 30_000;
/** The interval at which both timeouts are checked. */
const checkMs = 1000;

/** Serves a broker's HTTP API; ready when the promise resolves. Throws UNAVAILABLE where the port cannot be had. */
export async function startManagement(broker: Broker, options: ManagementOptions = {}): Promise<Management> {
  const { host = '127.0.0.1', port = 0, tls, pid, dataFolder } = options;
  const timeouts = { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs };
  const answer = (request: IncomingMessage, response: ServerResponse) => void serve(served, request, response);
  // Loaded where it is asked for, as in the broker.
  const server =
    tls === undefined
      ? createServer(timeouts, answer)
      : (await import('node:https')).createServer({ ...timeouts, ...tls }, answer);
  await listen(server, host, port);
  const { port: given } = server.address() as AddressInfo;
  const rates = new Rates(broker);
  const listeners: Listener[] = [
    { protocol: broker.url.startsWith('amqps:') ? 'amqp/ssl' : 'amqp', host: broker.host, port: broker.port },
    { protocol: tls === undefined ? 'http' : 'https', host, port: given },
  ];
  const served: Served = { broker, listeners, rates, pid, dataFolder };
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${given}`,
    port: given,
    close: () =>
      new Promise((resolve) => {
        rates.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Served = Pick<Call, 'broker' | 'listeners' | 'rates' | 'pid' | 'dataFolder'>;

async function serve(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await send(response, await answerTo(served, request));
  } catch (error) {
    const { status, error: word, message, headers } = refusal(error);
    if (status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="RabbitMQ Management"');
    // What is left of a body that was too large, or that nobody wanted, is not read.
    if (!request.complete) response.setHeader('Connection', 'close');
    await send(response, { status, headers, body: { error: word, reason: message } });
  }
}

async function answerTo(served: Served, request: IncomingMessage): Promise<Answer> {
  const { broker } = served;
  const { method = 'GET', url = '/', headers } = request;
  const { parts, query } = targetOf(url);
  // Fetch Metadata: a browser that knows the password must not act for another site.
  if (/^(cross|same)-site$/.test(String(headers['sec-fetch-site'] ?? ''))) {
    throw new Refusal(403, 'forbidden', 'requests of other sites are refused');
  }
  assertLoopbackHost(served, headers.host);
  const [root, ...path] = parts;
  if (root !== 'api') throw notFound();
  const found = findRoute(method, path);
  if ('options' in found) return { status: 200, headers: { Allow: found.options } };
  const { route, params } = found;
  const user = userOf(request, broker.users);
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

/** RabbitMQ's texts. */
const roleProblems = {
  management: 'Not management user',
  policymaker: 'User not authorised to access object',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
};

/**
 * Refuses DNS rebinding: a page whose host name resolves to 127.0.0.1 has the same origin as this API, and guest's password is
 * known. Other machines do not reach an API on loopback, so it needs no other name. Throws 403.
 */
function assertLoopbackHost({ listeners }: Served, header = ''): void {
  const own = listeners.at(-1)?.host ?? '';
  if (!isLoopback(own)) return;
  const name = header.replace(/:\d*$/, '');
  if (isLoopback(name) || name.toLowerCase().endsWith('.localhost')) return;
  throw new Refusal(403, 'forbidden', `the Host '${name}' is not an address of this machine`);
}

/** Resolves when what was changed is on disk. */
function committed(store: Store): Promise<void> {
  return new Promise((resolve, reject) => {
    store.committed((error) => (error === undefined ? resolve() : reject(error)));
  });
}

async function send(response: ServerResponse, { status, body, headers = {} }: Answer): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Cache-Control', 'no-cache');
  if (body === undefined) {
    // RFC 9110, 8.6: no length with 204.
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

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new MqError('UNAVAILABLE', `cannot listen on ${host}:${port}: ${systemReason(error)}`, { cause: error }));
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}
