// Locks an open file for one process of this machine. Node has no flock(2). The lock is a listening socket with an abstract
// name (unix(7)), which the kernel removes when its process ends, however it ends. Only Linux has such names.

import { fstatSync } from 'node:fs';
import { createServer } from 'node:net';
import { systemCode } from '../../errors.ts';

export interface FileLock {
  readonly release: () => void;
}

/** Locks the file. Returns `undefined` if it is locked already. Without abstract names, the lock has no effect. */
export function lockFile(descriptor: number): Promise<FileLock | undefined> {
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once('error', (error) => {
      resolve(systemCode(error) === 'EADDRINUSE' ? undefined : { release: () => undefined });
    });
    server.listen(`\0mq-offset-file-${dev}-${ino}`, () => resolve({ release: () => server.close() }));
    server.unref();
  });
}
