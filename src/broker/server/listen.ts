// Starts to listen on a port. The AMQP server and the HTTP API use it.

import type { Server } from 'node:net';
import { MqError, systemReason } from '../../errors.ts';

interface ListenAddress {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
}

/**
 * Resolves to the port when the server listens. Throws MqError SYSTEM if the address cannot be used. Calls `onError` for
 * later errors.
 */
export function listen(
  server: Server,
  { host, port }: ListenAddress,
  onError: (error: Error) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new MqError('SYSTEM', `cannot listen on ${host}:${port}: ${systemReason(error)}`, {
          cause: error,
          ...(error.code === 'EADDRINUSE' && {
            hint: 'choose another port, or stop the process that listens on this one',
          }),
        }),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      server.on('error', onError);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
