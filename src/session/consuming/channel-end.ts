// Closes a channel without waiting for it. amqplib throws if the channel is closed or closing.

import type { Channel } from '../channel.ts';

export function endChannel(channel: Channel): void {
  try {
    channel.close(() => undefined);
  } catch {
    // The channel is closed or closing.
  }
}
