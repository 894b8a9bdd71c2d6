// The HTTP server of mq web: serves the files of the page, its data as JSON, and a WebSocket for STOMP, which the
// bridge or the plugin handles.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { MqError } from '../errors.ts';
import { rememberAbsent } from './absence.ts';
import type { Asset } from './asset.ts';
import { Bridge } from './bridge.ts';
import type { Catalog, Depths } from './catalog.ts';
import { frameBytes } from './frame.ts';
import { type GuardSettings, makeGuard, type Refusal } from './guard.ts';
import type { Line } from './line.ts';
import { Passage, type StompAddress } from './passage.ts';
import { securityHeaders } from './policy.ts';
import { type Outcome, type PageMessage, pageMessageOf } from './sender.ts';

export interface WebSettings {
  readonly host: string;
  readonly port: number;
  readonly guard: GuardSettings;
  readonly assets: Readonly<Record<string, Asset>>;
  readonly catalog: Catalog;
  readonly depths: () => Promise<Depths>;
  /** Reports whether a queue of the catalog, or an exchange, exists. Names are the broker's. */
  readonly hasQueue: (queue: string) => Promise<boolean>;
  readonly hasExchange: (exchange: string) => Promise<boolean>;
  /** Publishes a message of the page. Throws if there is no connection. */
  readonly publish: (message: PageMessage) => Promise<Outcome>;
  /** Target of the page's STOMP connection: plugins in the order of trial, or AMQP. */
  readonly stomp: { readonly plugins: readonly StompAddress[] } | { readonly openLine: () => Promise<Line> };
  /** Reports a message to the user. */
  readonly say: (text: string) => void;
}

export interface WebServer {
  readonly url: string;
  close(): Promise<void>;
}

const stompPath = '/stomp';
/** Maximum size of a body that a page may send, in bytes. It also limits a message of its WebSocket. */
const bodyBytes = 1024 * 1024;
const pages = 32;

/** Serves until it is closed. Port 0 selects a free port. Throws SYSTEM if the address is not available. */
export async function serveWeb(settings: WebSettings): Promise<WebServer> {
  const guard = makeGuard(settings.guard);
  // A page checks any name that its user types.
  const hasExchange = rememberAbsent(settings.hasExchange);
  const server = createServer({ headersTimeout: 5000, requestTimeout: 10_000 }, (request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: bodyBytes + 128 * 1024,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('v12.stomp') ? 'v12.stomp' : false),
  });
  const ends = new Set<() => Promise<void>>();
  server.on('upgrade', (request, socket, head) => {
    const refused = request.url === stompPath ? guard.upgrade(request) : notFound;
    if (refused || sockets.clients.size >= pages) return refuseUpgrade(socket, refused ?? busy);
    sockets.handleUpgrade(request, socket, head, (page) => serve(page));
  });
  server.maxConnections = 256;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(taken(error, settings)));
    server.listen({ host: settings.host, port: settings.port }, resolve);
  });
  server.on('error', () => undefined);
  const { port } = server.address() as AddressInfo;
  const { host } = settings;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: async () => {
      await Promise.all([...ends].map((end) => end()));
      for (const page of sockets.clients) page.terminate();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const refused = guard.request(request);
    if (refused) return respond(response, refused);
    if (path === '/api/publish' && request.method === 'POST') return respond(response, await published(request));
    if (request.method !== 'GET' && request.method !== 'HEAD') return respond(response, { status: 405, text: 'GET\n' });
    if (path === '/api/catalog') return respond(response, json(settings.catalog));
    if (path === '/api/depths') return respond(response, json(await settings.depths()));
    const name = new URL(request.url ?? '', 'http://localhost').searchParams.get('name') ?? '';
    if (path === '/api/queue') return respond(response, (await hasQueue(name)) ? json({ queue: name }) : notFound);
    if (path === '/api/exchange')
      return respond(response, (await hasExchange(name)) ? json({ exchange: name }) : notFound);
    const asset = Object.hasOwn(settings.assets, path) ? settings.assets[path] : undefined;
    respond(response, asset ? { status: 200, ...asset } : notFound);
  }

  async function published(request: IncomingMessage): Promise<Answer | Refusal> {
    // A form of another site can send only text without the permission of this server.
    const refused = guard.upgrade(request);
    if (refused) return refused;
    if (request.headers['content-type'] !== 'application/json') return { status: 415, text: 'application/json\n' };
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bodyBytes) return { status: 413, text: `a message may have ${bodyBytes} bytes\n` };
      chunks.push(chunk);
    }
    const message = pageMessageOf(Buffer.concat(chunks).toString());
    if (!message) return { status: 400, text: 'this is not a message\n' };
    if (message.exchange !== '' && !(await settings.hasExchange(message.exchange)))
      return json({ outcome: 'refused', message: `there is no exchange '${message.exchange}'` } satisfies Outcome);
    const failed = (error: unknown): Outcome => ({
      outcome: 'not sent',
      message: error instanceof Error ? error.message : String(error),
    });
    return json(await settings.publish(message).catch(failed));
  }

  /**
   * Checks a queue. Only queues that the page may send to are checked, because the broker would log a line for each
   * check of another one.
   */
  async function hasQueue(name: string): Promise<boolean> {
    const { tasks, requests } = settings.catalog;
    return [...tasks, ...requests].some(({ queue }) => queue === name) && settings.hasQueue(name);
  }

  function respond(response: ServerResponse, { status, text, type }: Answer): void {
    response.writeHead(status, {
      ...securityHeaders,
      'content-type': type ?? 'text/plain; charset=utf-8',
      ...(status === 401 && { 'www-authenticate': 'Basic realm="mq web", charset="UTF-8"' }),
      ...(status === 405 && { allow: 'GET, HEAD' }),
      ...(status === 200 && guard.cookie !== undefined && { 'set-cookie': guard.cookie }),
    });
    response.end(text);
  }

  /** Serves a page. Messages wait until the connection to the broker is open. */
  function serve(page: WebSocket): void {
    const opening = settings.stomp;
    const way = 'plugins' in opening ? passageFor(page, opening.plugins) : bridgeFor(page, opening.openLine);
    const end = async () => {
      ends.delete(end);
      await (await way)?.end();
    };
    ends.add(end);
    page.on('message', (data) => void way.then((one) => one?.receive(Buffer.from(data as Buffer))));
    page.on('error', () => page.terminate());
    page.on('close', () => void end());
  }

  async function bridgeFor(page: WebSocket, openLine: () => Promise<Line>): Promise<Bridge> {
    const wire = {
      send: (bytes: Buffer, sent?: () => void) => page.send(bytes, { binary: true }, () => sent?.()),
      close: () => page.close(1000),
    };
    return new Bridge({ wire, openLine, bodyBytes, version: settings.catalog.version });
  }

  async function passageFor(page: WebSocket, plugins: readonly StompAddress[]): Promise<Passage | undefined> {
    const sides = {
      send: (bytes: Buffer) => page.send(bytes, { binary: true }),
      waiting: () => page.bufferedAmount,
      close: () => page.close(1000),
    };
    try {
      return await Passage.open(plugins, sides);
    } catch (error) {
      const message = `no Web STOMP plugin answers: ${error instanceof Error ? error.message : error}`;
      settings.say(message);
      page.send(frameBytes('ERROR', { message }), { binary: true });
      page.close(1013);
      return undefined;
    }
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

const notFound: Answer = { status: 404, text: 'there is nothing here\n' };
const busy: Answer = { status: 503, text: `there are ${pages} pages already\n` };

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', text: JSON.stringify(value) };
}

function refuseUpgrade(socket: Duplex, { status, text }: Answer | Refusal): void {
  socket.on('error', () => undefined);
  const head = [`HTTP/1.1 ${status} Refused`, 'Connection: close', `Content-Length: ${Buffer.byteLength(text)}`];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

function taken(error: NodeJS.ErrnoException, { host, port }: WebSettings): MqError {
  const why = { EADDRINUSE: 'the port is taken', EACCES: 'no permission', EADDRNOTAVAIL: 'no such address here' };
  const reason = why[error.code as keyof typeof why] ?? error.message;
  return new MqError('SYSTEM', `cannot listen on ${host}:${port}: ${reason}`, {
    hint: '--port takes another port, or 0 for a free one',
    cause: error,
  });
}
