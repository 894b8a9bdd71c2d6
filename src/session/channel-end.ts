// Closes a channel that nobody waits for any more. amqplib throws at one that is closed, or about to be.

import type { Channel } from 'amqplib/callback_api';

export function endChannel(channel: Channel): void {
  try {
    channel.close(() => undefined);
  } catch {
    // It is closed, or about to be.
  }
}
