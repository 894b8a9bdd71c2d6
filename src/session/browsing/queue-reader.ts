// Connects to one queue for reading, and chooses how to read it by its type: a stream from a position, any other queue
// by deliveries that are returned or removed.

import type { StreamOffset } from '../../config/stream-offset.ts';
import { MqError } from '../../errors.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { endChannel } from '../consuming/channel-end.ts';
import { failureOf } from '../failure.ts';
import { promised } from '../promised.ts';
import { Browser, type Republisher } from './browser.ts';
import { type QueueType, queueTypeOf } from './stream-probe.ts';
import { StreamReader } from './stream-reader.ts';

export type { QueueType };

interface ReaderSettings {
  readonly vhost: string;
  /** The broker's name of the queue. */
  readonly queue: string;
  readonly redact: (text: string) => string;
}

interface QueueFacts {
  /** Number of consumers of the queue. */
  readonly consumers: number;
  /** Properties of the broker from the login. */
  readonly server: Readonly<Record<string, unknown>>;
}

export class QueueReader {
  readonly #connection: BrokerConnection;
  readonly #settings: ReaderSettings;
  readonly facts: QueueFacts;
  #type: QueueType | undefined;

  private constructor(connection: BrokerConnection, settings: ReaderSettings, facts: QueueFacts) {
    this.#connection = connection;
    this.#settings = settings;
    this.facts = facts;
  }

  /** Throws TOPOLOGY if the queue does not exist or belongs to another connection, NOT_PERMITTED and UNAVAILABLE. */
  static async open(connection: BrokerConnection, settings: ReaderSettings): Promise<QueueReader> {
    const { vhost, queue, redact } = settings;
    try {
      const channel = await connection.channel(vhost);
      channel.on('error', () => undefined);
      const { consumerCount: consumers } = await promised<{ consumerCount: number }>((next) =>
        channel.checkQueue(queue, next),
      );
      const server = channel.connection.serverProperties ?? {};
      endChannel(channel);
      return new QueueReader(connection, settings, { consumers, server });
    } catch (error) {
      if (error instanceof Error && error.message.includes('RESOURCE_LOCKED'))
        throw new MqError(
          'TOPOLOGY',
          `the queue '${queue}' is exclusive: only the connection that owns it can read it`,
        );
      throw failureOf(error, redact);
    }
  }

  /** Returns the type of the queue. RabbitMQ logs the question as an error of a channel, so few commands ask. */
  async type(): Promise<QueueType> {
    const { vhost, queue, redact } = this.#settings;
    try {
      this.#type ??= await queueTypeOf(this.#connection, vhost, queue);
      return this.#type;
    } catch (error) {
      throw failureOf(error, redact);
    }
  }

  /**
   * Opens the queue for deliveries. It must not be a stream. Reading a stream throws TOPOLOGY after two seconds without
   * a delivery.
   * @param most maximum number of messages that are read; all if `undefined`
   */
  browse(republisher: Republisher, most?: number): Promise<Browser> {
    return Browser.open(this.#connection, { ...this.#settings, republisher, most, type: () => this.type() });
  }

  /** Reads a stream from a position. */
  stream(offset: StreamOffset, most: number): Promise<StreamReader> {
    return StreamReader.open(this.#connection, { ...this.#settings, offset, most });
  }
}
