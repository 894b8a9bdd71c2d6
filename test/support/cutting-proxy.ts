// A proxy between a client and a broker that ends a connection before certain bytes of the client reach the broker.

import { startProxy } from './proxy.ts';

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
  let isRefusing = false;
  const { url, end, close } = await startProxy(port, (client, broker) => {
    if (isRefusing) client.destroy();
    client.on('data', (bytes) => {
      if (before && bytes.includes(before)) client.destroy();
      else broker.write(bytes);
    });
    broker.pipe(client);
  });
  return {
    url,
    refuse: () => {
      isRefusing = true;
      end();
    },
    close,
  };
}
