// Binds taps to the exchanges of one vhost, and reads what AMQP reports about the exchanges.

import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { Observer } from '../observer.ts';
import { Tap } from '../tap.ts';
import { probeExchange } from './exchange-probe.ts';
import type { TapSource } from './tap-queue.ts';
import type { ExchangeFacts } from './tap-verdict.ts';

interface TapperSettings {
  readonly vhost: string;
  readonly redact: (text: string) => string;
}

export class Tapper {
  readonly #connection: BrokerConnection;
  readonly #settings: TapperSettings;

  constructor(connection: BrokerConnection, settings: TapperSettings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  /** Returns what AMQP reports about an exchange. Throws TOPOLOGY if it does not exist. */
  facts(exchange: string): Promise<ExchangeFacts> {
    return probeExchange(this.#connection, exchange, this.#settings);
  }

  /** Reports whether the broker has an exchange. Throws UNAVAILABLE if it does not answer within 3 seconds. */
  has(exchange: string): Promise<boolean> {
    return new Observer(this.#connection, this.#settings.vhost).hasExchange(exchange);
  }

  /** Binds a tap. Throws the error of the broker. */
  open(sources: readonly TapSource[]): Promise<Tap> {
    return Tap.open(this.#connection, { ...this.#settings, sources });
  }
}
