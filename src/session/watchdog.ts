// Finds a consumer that the broker no longer has though it never said so: connected, and deaf. Twice in a row no consumer
// of the queue at all is the proof; fewer looks could fall into a change of the queue's leader.

import type { Link } from './link.ts';

export interface WatchdogSettings {
  readonly vhost: string;
  /** The queue that is consumed now; undefined while it is not. */
  readonly queue: () => string | undefined;
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  readonly onDeaf: () => void;
}

export class Watchdog {
  readonly #link: Pick<Link, 'channel'>;
  readonly #settings: WatchdogSettings;
  // Not unref'd: Rascal's own timer of the next connection does not keep the process alive.
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;
  #misses = 0;

  constructor(link: Pick<Link, 'channel'>, settings: WatchdogSettings) {
    this.#link = link;
    this.#settings = settings;
    this.#timer = setInterval(() => void this.#look(), settings.everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { queue, onDeaf } = this.#settings;
    const looked = queue();
    if (this.#isLooking || looked === undefined) return;
    this.#isLooking = true;
    const consumers = await this.#consumersOf(looked);
    this.#isLooking = false;
    this.#misses = consumers === 0 && queue() === looked ? this.#misses + 1 : 0;
    if (this.#misses < 2) return;
    this.#misses = 0;
    onDeaf();
  }

  /** On a channel of its own, which the broker closes where the queue is gone or a look is not permitted: then undefined. */
  async #consumersOf(queue: string): Promise<number | undefined> {
    try {
      const channel = await this.#link.channel(this.#settings.vhost);
      channel.on('error', () => undefined);
      return await new Promise((resolve) => {
        channel.once('close', () => resolve(undefined));
        channel.checkQueue(queue, (error, ok) => {
          if (error) return resolve(undefined);
          resolve(ok.consumerCount);
          channel.close(() => undefined);
        });
      });
    } catch {
      return undefined;
    }
  }
}
