// The HTTP server of mq web. It answers the requests of the page, and accepts a WebSocket for STOMP from each page.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { MqError } from '../errors.ts';
import { Guard, type GuardSettings, type Refusal } from './guard.ts';
import { PageSocket, type StompTarget } from './page-socket.ts';
import { securityHeaders } from './policy.ts';
import { bodyBytes, notFound, type RequestSettings, Requests, type WebResponse } from './requests.ts';

export interface WebSettings extends RequestSettings {
  readonly host: string;
  readonly port: number;
  readonly guard: GuardSettings;
  readonly stomp: StompTarget;
  /** Reports a message to the user. */
  readonly say: (text: string) => void;
}

const stompPath = '/stomp';
/** Maximum number of pages at the same time. */
const mostPages = 32;
const busy: WebResponse = { status: 503, text: `too many pages are open; the limit is ${mostPages}\n` };

/** Serves until it is closed. Port 0 selects a free port. Throws SYSTEM if the address is not available. */
export async function serveWeb(settings: WebSettings): Promise<WebServer> {
  const server = new WebServer(settings);
  await server.listen();
  return server;
}

export class WebServer {
  readonly #settings: WebSettings;
  readonly #guard: Guard;
  readonly #requests: Requests;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: bodyBytes + 128 * 1024,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('v12.stomp') ? 'v12.stomp' : false),
  });
  readonly #pages = new Set<PageSocket>();

  constructor(settings: WebSettings) {
    this.#settings = settings;
    this.#guard = new Guard(settings.guard);
    this.#requests = new Requests(settings, this.#guard);
    this.#server = createServer({ headersTimeout: 5000, requestTimeout: 10_000 }, (request, response) => {
      void this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.maxConnections = 256;
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Address of the page: `http://127.0.0.1:15680`. */
  get url(): string {
    const { host } = this.#settings;
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#settings;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(cannotListen(error, this.#settings)));
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.on('error', () => undefined);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pages].map((page) => page.end()));
    for (const page of this.#sockets.clients) page.terminate();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, text, type = 'text/plain; charset=utf-8' }: WebResponse = await this.#requests.answer(request);
    const { cookie } = this.#guard;
    response.writeHead(status, {
      ...securityHeaders,
      'content-type': type,
      ...(status === 401 && { 'www-authenticate': 'Basic realm="mq web", charset="UTF-8"' }),
      ...(status === 405 && { allow: 'GET, HEAD' }),
      ...(status === 200 && cookie !== undefined && { 'set-cookie': cookie }),
    });
    response.end(text);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refused = request.url === stompPath ? this.#guard.changing(request) : notFound;
    if (refused || this.#sockets.clients.size >= mostPages) {
      refuseUpgrade(socket, refused ?? busy);
      return;
    }
    const { stomp, say, catalog } = this.#settings;
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const settings = { stomp, say, version: catalog.version };
      const page: PageSocket = new PageSocket(webSocket, settings, () => this.#pages.delete(page));
      this.#pages.add(page);
    });
  }
}

function refuseUpgrade(socket: Duplex, { status, text }: WebResponse | Refusal): void {
  socket.on('error', () => undefined);
  const head = [`HTTP/1.1 ${status} Refused`, 'Connection: close', `Content-Length: ${Buffer.byteLength(text)}`];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}

const listenErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is already in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine has no such address',
};

function cannotListen(error: NodeJS.ErrnoException, { host, port }: WebSettings): MqError {
  const reason = listenErrors[error.code ?? ''] ?? error.message;
  return new MqError('SYSTEM', `cannot listen on ${host}:${port}: ${reason}`, {
    hint: '--port N selects another port; with 0 mq chooses a free one',
    cause: error,
  });
}
