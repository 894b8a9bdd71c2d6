// Tests the page's STOMP connection over Node's WebSocket, to a bridge with a fake AMQP client.

import type { AddressInfo } from 'node:net';
import { Client } from '@stomp/stompjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocketServer } from 'ws';
import type { AmqpClient } from '../../../src/web/amqp-client.ts';
import { Bridge } from '../../../src/web/bridge.ts';

/** The methods that the test calls. The test cannot import their types, because the page uses a browser's types. */
interface Connection {
  start(): void;
  request(destination: string, request: { text: string; contentType: string; waitMs: number }): Promise<unknown>;
}
const file = new URL('../../../src/web/page/connection.ts', import.meta.url).href;
const { Connection } = (await import(file)) as { Connection: new (events: object) => Connection };

test('ends a request in time if the broker blocks publishers', async () => {
  const never = new Promise<never>(() => undefined);
  const broker: AmqpClient = {
    closed: never,
    close: async () => undefined,
    send: () => never,
    listen: async () => ({ queue: 'amq.gen-1', stop: async () => undefined }),
  };
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) => {
    const wire = { send: (bytes: Buffer) => socket.send(bytes), close: () => socket.close() };
    const bridge = new Bridge({ wire, openClient: async () => broker, bodyBytes: 100, version: '1' });
    socket.on('message', (data) => bridge.receive(data as Buffer));
    socket.on('close', () => void bridge.end());
  });
  const { port } = server.address() as AddressInfo;
  Object.assign(globalThis, { location: { protocol: 'http:', host: `127.0.0.1:${port}` } });
  const connected = Promise.withResolvers<void>();
  const connection = new Connection({
    onState: () => undefined,
    onConnect: connected.resolve,
    onError: (message: string) => connected.reject(new Error(message)),
  });
  // The client reconnects until it is deactivated, so the test must deactivate it.
  const { activate } = Client.prototype;
  let client: Client | undefined;
  Client.prototype.activate = function () {
    client = this;
    activate.call(this);
  };
  try {
    connection.start();
    await connected.promise;
    const reply = await connection.request('/amq/queue/rpc', { text: '30', contentType: '', waitMs: 1 });
    assert.is(reply, 'not confirmed');
  } finally {
    Client.prototype.activate = activate;
    await client?.deactivate();
    for (const socket of server.clients) socket.terminate();
    server.close();
  }
});

test.run();
