// Sends requests and receives their replies (tutorial 6). Requests use the publisher's confirm channel. Replies arrive
// through direct reply-to on the same channel (RabbitMQ: amq.rabbitmq.reply-to), or in an exclusive queue.

import { MqError } from '../errors.ts';
import { type Timer, time } from '../time.ts';
import type { ConfirmChannel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import { promised } from './promised.ts';
import { Publisher, type PublisherSettings } from './publisher.ts';
import type { RawMessage } from './raw-message.ts';

interface RequesterSettings extends Omit<PublisherSettings, 'onChannel'> {
  /** `true` uses an exclusive queue for the replies instead of direct reply-to. */
  readonly ownQueue: boolean;
  /** Time limit for each reply, in milliseconds. */
  readonly replyTimeoutMs: number;
}

interface Pending {
  readonly properties: { replyTo: string };
  readonly resolve: (reply: RawMessage) => void;
  readonly reject: (error: MqError) => void;
  readonly timer: Timer;
  confirmed: boolean;
}

const directReplyTo = 'amq.rabbitmq.reply-to';

export class Requester {
  readonly #publisher: Publisher;
  readonly #settings: RequesterSettings;
  readonly #pending: Map<string, Pending>;
  readonly #replyTo: () => string;
  /** By correlation id: a promise that resolves at the end of the last request with that id. */
  readonly #turns = new Map<string, Promise<void>>();
  /**
   * Correlation ids of requests that timed out. Their replies may still arrive. It does not contain ids that mq has
   * chosen, because no other request has them.
   */
  readonly #late = new Set<string>();

  private constructor(
    publisher: Publisher,
    settings: RequesterSettings,
    state: { pending: Map<string, Pending>; replyTo: () => string },
  ) {
    this.#publisher = publisher;
    this.#settings = settings;
    this.#pending = state.pending;
    this.#replyTo = state.replyTo;
  }

  static async open(connection: BrokerConnection, settings: RequesterSettings): Promise<Requester> {
    const pending = new Map<string, Pending>();
    let replyTo = directReplyTo;
    const onReply = (reply: RawMessage | null) => {
      if (!reply) return;
      const { correlationId = '' } = reply.properties;
      const waiting = pending.get(correlationId);
      if (!waiting) return; // the reply is late or not for this requester
      pending.delete(correlationId);
      waiting.timer.cancel();
      waiting.resolve(reply);
    };
    const onChannel = async (channel: ConfirmChannel) => {
      // A server that received a request over the previous channel cannot reply any more.
      for (const [id, waiting] of pending) {
        if (!waiting.confirmed) continue; // the publisher sends it again
        pending.delete(id);
        waiting.timer.cancel();
        waiting.reject(
          new MqError('IN_DOUBT', 'the connection was lost before the reply arrived', {
            hint: 'the server may have handled the request; send it again',
          }),
        );
      }
      if (settings.ownQueue) replyTo = await ownQueue(channel);
      // A request that is sent again must not name the queue that was deleted with the previous connection.
      for (const { properties } of pending.values()) properties.replyTo = replyTo;
      await consume(channel, replyTo, onReply);
    };
    const publisher = await Publisher.open(connection, { ...settings, onChannel });
    const requester = new Requester(publisher, settings, { pending, replyTo: () => replyTo });
    // No reply can arrive any more.
    void publisher.failed.then((error) => requester.#reject(error));
    return requester;
  }

  /** Resolves when nothing can be requested any more. It does not resolve on close. */
  get failed(): Promise<MqError> {
    return this.#publisher.failed;
  }

  /** The broker's properties from the login. Empty while there is no channel. */
  get server(): Readonly<Record<string, unknown>> {
    return this.#publisher.server;
  }

  /**
   * Sends one request and returns its reply. A reply is matched by its correlation id alone, so requests with the same
   * id are sent one after the other. Throws UNROUTABLE, REFUSED, DEADLINE, IN_DOUBT or BAD_DATA.
   */
  async request(message: OutgoingMessage): Promise<RawMessage> {
    const id = message.properties.correlationId ?? message.properties.messageId;
    const reply = (this.#turns.get(id) ?? Promise.resolve()).then(() => this.#ask(message, id));
    const turn = reply.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(id, turn);
    void turn.then(() => {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    });
    return reply;
  }

  async #ask(message: OutgoingMessage, correlationId: string): Promise<RawMessage> {
    await this.#publisher.room();
    if (this.#late.has(correlationId)) throw ambiguous();
    return new Promise((resolve, reject) => {
      const seconds = this.#settings.replyTimeoutMs / 1000;
      const timer = time.after(this.#settings.replyTimeoutMs, () => {
        this.#pending.delete(correlationId);
        if (message.hasFixedId || message.properties.correlationId !== undefined) this.#late.add(correlationId);
        reject(
          new MqError('DEADLINE', `no reply in ${seconds} s`, {
            hint: 'check that the server is running; --timeout sets the time limit',
          }),
        );
      });
      const properties = { ...message.properties, correlationId, replyTo: this.#replyTo() };
      const waiting: Pending = { properties, resolve, reject, timer, confirmed: false };
      this.#pending.set(correlationId, waiting);
      this.#publisher.send({ ...message, properties }, (sent) => {
        if (sent.type === 'confirmed') {
          waiting.confirmed = true;
          return;
        }
        // After a reply or its time limit, the entry may belong to the next request with this id.
        if (this.#pending.get(correlationId) === waiting) this.#pending.delete(correlationId);
        timer.cancel();
        reject(sent.error);
      });
    });
  }

  abandon(error: MqError): void {
    this.#reject(error);
    this.#publisher.abandon(error);
  }

  #reject(error: MqError): void {
    for (const [id, waiting] of this.#pending) {
      this.#pending.delete(id);
      waiting.timer.cancel();
      waiting.reject(error);
    }
  }

  close(): void {
    this.#publisher.close();
  }
}

function ambiguous(): MqError {
  return new MqError('IN_DOUBT', 'a reply may belong to an earlier request with the same id', {
    hint: 'use a different message-id and correlation-id for each request, or omit them so that mq chooses them',
  });
}

async function ownQueue(channel: ConfirmChannel): Promise<string> {
  const options = { exclusive: true, autoDelete: true, durable: false };
  const { queue } = await promised<{ queue: string }>((next) => channel.assertQueue('', options, next));
  return queue;
}

/**
 * Consumes replies. RabbitMQ: direct reply-to requires a no-ack consumer on the publishing channel before publishing.
 */
function consume(
  channel: ConfirmChannel,
  queue: string,
  onReply: (reply: RawMessage | null) => void,
): Promise<unknown> {
  return promised((next) => channel.consume(queue, onReply, { noAck: true }, next));
}
