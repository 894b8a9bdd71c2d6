// A proxy between a client and a broker that ends a connection before certain bytes of the client reach the broker.

import { connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly url: string;
  /** Ends all connections, and refuses new ones. */
  refuse(): void;
  close(): void;
}

/** A method frame of AMQP 0-9-1 contains the number of its class and of its method, with two bytes each. */
export const basicAck = Buffer.from([0, 60, 0, 80]);

/** Starts a proxy in front of this port. It ends each connection on which the client sends the bytes `before`. */
export async function startCuttingProxy(port: number, before?: Buffer): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let isRefusing = false;
  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const broker = connect(port, '127.0.0.1');
    for (const socket of [client, broker]) {
      sockets.add(socket.setNoDelay(true));
      socket.on('error', () => undefined);
    }
    client.on('close', () => broker.destroy());
    broker.on('close', () => client.destroy());
    client.on('data', (bytes) => {
      if (before && bytes.includes(before)) client.destroy();
      else broker.write(bytes);
    });
    broker.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `amqp://guest:guest@127.0.0.1:${address.port}/%2F`,
    refuse: () => {
      isRefusing = true;
      end();
    },
    close: () => {
      server.close();
      end();
    },
  };
}
