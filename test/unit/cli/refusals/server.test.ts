// Tests servers that are not brokers. mq ends with the exit status that belongs to the reason.

import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { test } from 'uvu';
import { runCli } from '../../../support/cli.ts';
import { addressWithCanary, assertRefused } from '../../../support/refusal.ts';

interface Listener {
  readonly title: string;
  readonly onSocket: (socket: Socket) => void;
  readonly scheme?: 'amqps';
  /** Query of the address. */
  readonly query?: string;
  readonly exit: number;
  readonly line: string;
  readonly hint?: string;
}

const notAmqp = {
  exit: 76,
  line: 'mq producer: the server does not use AMQP 0-9-1 [PROTOCOL]',
  hint: 'RabbitMQ listens for AMQP on 5672 (plain) and 5671 (TLS); 15672 is its management page',
};
const ended = {
  exit: 69,
  line: 'mq producer: the broker closed the connection during the handshake [UNAVAILABLE]',
  hint: notAmqp.hint,
};
const notTls = {
  exit: 76,
  line: 'mq producer: the server does not use TLS [TLS]',
  hint: 'use amqp:// for a plain port (5672), amqps:// for a TLS port (5671)',
};
const noAnswer = {
  exit: 69,
  line: 'mq producer: no broker answered in time [UNAVAILABLE]',
  hint: notAmqp.hint,
};
/** Shortens the wait for a silent server from 10 s. */
const soon = '?connection_timeout=300';
const answerHttp = (socket: Socket) => {
  socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
};

const listeners: readonly Listener[] = [
  { title: 'a server that answers HTTP', onSocket: answerHttp, ...notAmqp },
  {
    title: 'a server that sends garbage',
    onSocket: (socket) => socket.write(Buffer.concat([Buffer.from([0xff]), randomBytes(4096)])),
    ...notAmqp,
  },
  { title: 'an SSH server', onSocket: (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'), ...notAmqp },
  { title: 'a server that sends a few other bytes', onSocket: (socket) => socket.end('-ERR\r\n'), ...notAmqp },
  { title: 'a server that closes the connection', onSocket: (socket) => socket.end(), ...ended },
  {
    title: 'a broker that ends inside a frame of the handshake',
    onSocket: (socket) => socket.once('data', () => socket.end(Buffer.from([1, 0, 0, 0, 0, 1, 0, 0, 10]))),
    ...ended,
  },
  {
    title: 'a broker that ends the handshake because of a small frameMax',
    onSocket: (socket) => socket.end(),
    query: '?frameMax=4096',
    exit: 78,
    line: 'mq producer: the broker ended the handshake: frameMax is 4096 [CONFIG]',
    hint: 'RabbitMQ 4.1 and later require at least 8192; remove frameMax, or increase it',
  },
  {
    title: 'a server that speaks another version of AMQP',
    onSocket: (socket) => socket.once('data', () => socket.end('AMQP\0\u0001\0\0')),
    ...notAmqp,
  },
  {
    // A TLS port answers a plain client with a fatal alert.
    title: 'a plain connection to a TLS port',
    onSocket: (socket) => socket.once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46]))),
    ...notAmqp,
  },
  {
    title: 'a server that resets the connection',
    onSocket: (socket) => socket.once('data', () => socket.resetAndDestroy()),
    exit: 69,
    line: 'mq producer: the connection to the broker failed: read ECONNRESET [UNAVAILABLE]',
  },
  { title: 'a TLS connection to a server that answers HTTP', onSocket: answerHttp, scheme: 'amqps', ...notTls },
  { title: 'a server that sends nothing', onSocket: () => undefined, ...noAnswer },
  {
    title: 'a server that stops inside a frame',
    onSocket: (socket) => socket.once('data', () => socket.write(Buffer.alloc(7))),
    query: soon,
    ...noAnswer,
  },
];

for (const { title, onSocket, scheme = 'amqp', query = '', ...refusal } of listeners) {
  test(`reports ${title}`, async () => {
    await using server = await listening(onSocket);
    const url = addressWithCanary(`127.0.0.1:${server.port}${query}`, { scheme });
    assertRefused(await runCli(['producer', '--url', url, 'hi']), refusal);
  });
}

async function listening(onSocket: (socket: Socket) => void): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test.run();
