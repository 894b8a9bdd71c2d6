// Detects that the broker dropped our consumer without telling us. Two consecutive checks must find no consumer on the
// queue, because a single check may coincide with a change of the queue's leader.

import { type Timer, time } from '../../time.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';

interface WatchdogSettings {
  readonly vhost: string;
  /** Returns the consumed queue, or `undefined` while no queue is consumed. */
  readonly queue: () => string | undefined;
  /** Milliseconds between two checks. */
  readonly everyMs: number;
  /** Called when the broker has no consumer on the queue any more. */
  readonly onMissing: () => void;
}

export class Watchdog {
  readonly #connection: Pick<BrokerConnection, 'channel'>;
  readonly #settings: WatchdogSettings;
  // The timer is not unref'd, because Rascal's reconnect timer does not keep the process alive.
  readonly #timer: Timer;
  #isChecking = false;
  #misses = 0;

  constructor(connection: Pick<BrokerConnection, 'channel'>, settings: WatchdogSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#timer = time.every(settings.everyMs, () => void this.#check());
  }

  stop(): void {
    this.#timer.cancel();
  }

  async #check(): Promise<void> {
    const { queue, onMissing } = this.#settings;
    const checked = queue();
    if (this.#isChecking || checked === undefined) return;
    this.#isChecking = true;
    const consumers = await this.#consumersOf(checked);
    this.#isChecking = false;
    this.#misses = consumers === 0 && queue() === checked ? this.#misses + 1 : 0;
    if (this.#misses < 2) return;
    this.#misses = 0;
    onMissing();
  }

  /**
   * Returns the number of consumers of a queue. Uses a separate channel, because the broker closes it if the queue does
   * not exist or access is refused. Returns `undefined` then.
   */
  async #consumersOf(queue: string): Promise<number | undefined> {
    try {
      const channel = await this.#connection.channel(this.#settings.vhost);
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
