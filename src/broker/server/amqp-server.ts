// Accepts AMQP connections on a port, with or without TLS.

import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { listen } from './listen.ts';

/** Certificates and key in PEM. */
export interface TlsOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Clients are asked for a certificate of this authority. A client without a certificate is accepted, too. */
  readonly ca?: Buffer;
}

interface ServerOptions {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** Without it, the port uses plain TCP. */
  readonly tls: TlsOptions | undefined;
}

interface ServerEvents {
  /** Called for each socket. With TLS, this is before the TLS handshake. */
  readonly onSocket: (socket: Socket) => void;
  /** Called when a socket can be used. */
  readonly accept: (socket: Socket) => void;
  readonly log: (line: string) => void;
}

export interface AmqpServer {
  readonly port: number;
  readonly isTls: boolean;
  /** Resolves when the server and all of its sockets are closed. Closes no socket. */
  close(): Promise<void>;
}

/** Resolves when the server listens. Throws MqError SYSTEM if it cannot listen. */
export async function openAmqpServer(options: ServerOptions, events: ServerEvents): Promise<AmqpServer> {
  const { host, port, tls } = options;
  // A client may end its side of the connection before the broker has read everything that the client sent.
  const half = { allowHalfOpen: true } as const;
  const server = tls === undefined ? createServer(half, events.accept) : await tlsServer({ ...tls, ...half }, events);
  server.on('connection', events.onSocket);
  // accept(2) fails when file descriptors run out. The open connections still work.
  const onError = (error: Error) => events.log(`cannot accept a connection: ${error.message}`);
  const ownPort = await listen(server, { host, port }, onError);
  const closed = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port: ownPort, isTls: tls !== undefined, close: closed };
}

/** node:tls is loaded only if it is needed, because loading it is as slow as the rest of the start. */
async function tlsServer(tls: TlsOptions & { allowHalfOpen: true }, { accept, log }: ServerEvents): Promise<Server> {
  const { createServer: create } = await import('node:tls');
  // RabbitMQ: verify_peer accepts a client without a certificate by default (fail_if_no_peer_cert).
  return create({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: false }, (socket) => {
    const fault = tls.ca === undefined ? undefined : certificateFault(socket);
    if (fault === undefined) return accept(socket);
    log(`${socket.remoteAddress}:${socket.remotePort}: refused the client certificate: ${fault}`);
    socket.destroy();
  });
}

/** Returns why a client certificate is not valid, or `undefined` if it is valid or if the client sent no certificate. */
function certificateFault(socket: TLSSocket): string | undefined {
  if (socket.authorized || socket.getPeerX509Certificate() === undefined) return undefined;
  return String(socket.authorizationError);
}
