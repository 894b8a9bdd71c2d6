// How much a queue holds, for the management: ready, unacknowledged, or waiting to be dead-lettered.

import type { Message } from './message.ts';

export class HeldMessages {
  bytes = 0;
  persistent = 0;
  persistentBytes = 0;

  add({ bodyLength, persistent }: Message, count: 1 | -1): void {
    this.bytes += count * bodyLength;
    if (!persistent) return;
    this.persistent += count;
    this.persistentBytes += count * bodyLength;
  }
}
