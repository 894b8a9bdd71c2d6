// A TCP proxy between a client and a broker of this machine.

import { connect, createServer, type Socket } from 'node:net';

interface Proxy {
  /** AMQP address of the proxy. */
  readonly url: string;
  /** Destroys all sockets. */
  end(): void;
  /** Accepts no more connections, and destroys all sockets. */
  close(): void;
}

/** Starts a proxy in front of this port. `wire` passes on the bytes of one connection, in both directions. */
export async function startProxy(port: number, wire: (client: Socket, broker: Socket) => void): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(port, '127.0.0.1');
    for (const socket of [client, broker]) {
      sockets.add(socket.setNoDelay(true));
      socket.on('error', () => undefined);
    }
    client.on('close', () => broker.destroy());
    broker.on('close', () => client.destroy());
    wire(client, broker);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `amqp://guest:guest@127.0.0.1:${address.port}/%2F`,
    end,
    close: () => {
      server.close();
      end();
    },
  };
}
