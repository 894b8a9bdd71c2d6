// The open channels of one connection.

import type { ChurnCounters } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import { Channel, type ChannelOwner } from './channel.ts';

export class Channels {
  readonly #all = new Map<number, Channel>();
  readonly #churn: ChurnCounters;

  constructor(churn: ChurnCounters) {
    this.#churn = churn;
  }

  get size(): number {
    return this.#all.size;
  }

  get(number: number): Channel | undefined {
    return this.#all.get(number);
  }

  values(): Iterable<Channel> {
    return this.#all.values();
  }

  /** Opens a channel. Throws 530 if `channelMax` channels are open. Like RabbitMQ, it does not limit the channel number. */
  open(number: number, { owner, vhost, channelMax }: { owner: ChannelOwner; vhost: VirtualHost; channelMax: number }) {
    if (channelMax > 0 && this.size >= channelMax) {
      throw new ProtocolError(
        'NOT_ALLOWED',
        `number of channels opened (${this.size}) has reached the negotiated channel_max (${channelMax})`,
      );
    }
    const channel = new Channel(number, owner, vhost);
    this.#churn.channel_created++;
    this.#all.set(number, channel);
    channel.send('channel.open-ok', { reserved1: '' });
  }

  /** Removes a channel that is closed. */
  remove({ number }: { readonly number: number }): void {
    if (this.#all.delete(number)) this.#churn.channel_closed++;
  }

  /** Sends the confirms of this tick. */
  flush(): void {
    for (const channel of this.#all.values()) channel.flush();
  }

  /** Continues the deliveries after the client has read most of the bytes that were sent to it. */
  wake(): void {
    for (const channel of this.#all.values()) channel.deliveries.wake();
  }

  /** Closes all channels and returns their unacknowledged messages to the queues. */
  release(): void {
    // All channels are marked as closing first. Otherwise a message that one channel returns would be delivered on another
    // channel. The release of that channel would then return it again and count another failed delivery.
    for (const channel of this.#all.values()) channel.isClosing = true;
    for (const channel of this.#all.values()) channel.release();
    this.#churn.channel_closed += this.#all.size;
    this.#all.clear();
  }
}
